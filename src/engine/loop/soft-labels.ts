/** A teacher's answers as soft labels: the likeliest tokens of each place, and what all others have together. */
import { CoveyError } from '../../base/errors.ts'
import type { SoftLabels } from '../../types/data.ts'

/** What rounding to float32 may leave of a sum of 1. */
const SUM_TOLERANCE = 1e-3

/**
 * softmax(logits/temperature) row by row, in place of the logits.
 * @param logits (rows, width)
 */
export function softmaxRows(logits: Float32Array, width: number, temperature: number): Float32Array {
  for (let from = 0; from < logits.length; from += width) {
    const row = logits.subarray(from, from + width)
    let top = Number.NEGATIVE_INFINITY
    for (const x of row) if (x > top) top = x
    let sum = 0
    for (let i = 0; i < width; i++) {
      const e = Math.exp(((row[i] as number) - top) / temperature)
      row[i] = e
      sum += e
    }
    for (let i = 0; i < width; i++) row[i] = (row[i] as number) / sum
  }
  return logits
}

/**
 * The `width` likeliest of each row, of equals the first; a row that is shorter is taken whole.
 * @param probabilities (rows, answers)
 * @param beyond (rows) probability that a teacher gives to what is no answer here; part of the rest
 */
export function softLabels(
  probabilities: Float32Array,
  answers: number,
  width: number,
  beyond?: Float64Array,
): SoftLabels {
  const k = Math.min(width, answers)
  const rows = probabilities.length / answers
  const out = {
    width: k,
    ids: new Int32Array(rows * k),
    probabilities: new Float32Array(rows * k),
    rest: new Float32Array(rows),
  }
  for (let r = 0; r < rows; r++) {
    const row = probabilities.subarray(r * answers, (r + 1) * answers)
    const ids = likeliest(row, k)
    out.ids.set(ids, r * k)
    const taken = new Set(ids)
    let rest = beyond?.[r] ?? 0
    for (let i = 0; i < answers; i++) if (!taken.has(i)) rest += row[i] as number
    out.rest[r] = rest
    for (let i = 0; i < k; i++) out.probabilities[r * k + i] = row[ids[i] as number] as number
  }
  return out
}

/** Numbers of the k largest, in ascending order: a heap of k whose top is the smallest. */
function likeliest(row: Float32Array, k: number): Int32Array {
  const heap = new Int32Array(k)
  const less = (a: number, b: number): boolean => {
    const [x, y] = [row[a] as number, row[b] as number]
    return x < y || (x === y && a > b)
  }
  const sink = (from: number, size: number): void => {
    let at = from
    for (;;) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      let least = at
      if (left < size && less(heap[left] as number, heap[least] as number)) least = left
      if (right < size && less(heap[right] as number, heap[least] as number)) least = right
      if (least === at) return
      const moved = heap[at] as number
      heap[at] = heap[least] as number
      heap[least] = moved
      at = least
    }
  }
  for (let i = 0; i < k; i++) heap[i] = i
  for (let i = (k >> 1) - 1; i >= 0; i--) sink(i, k)
  for (let i = k; i < row.length; i++) {
    if (!less(heap[0] as number, i)) continue
    heap[0] = i
    sink(0, k)
  }
  return heap.sort()
}

/** Places `from` to before `to`. */
export function sliceSoftLabels({ width, ids, probabilities, rest }: SoftLabels, from: number, to: number): SoftLabels {
  return {
    width,
    ids: ids.subarray(from * width, to * width),
    probabilities: probabilities.subarray(from * width, to * width),
    rest: rest.subarray(from, to),
  }
}

/** The places that `keep` says. */
export function someSoftLabels(
  { width, ids, probabilities, rest }: SoftLabels,
  keep: (place: number) => boolean,
): SoftLabels {
  const kept = (_: number, i: number): boolean => keep(Math.floor(i / width))
  return {
    width,
    ids: ids.filter(kept),
    probabilities: probabilities.filter(kept),
    rest: rest.filter((_, i) => keep(i)),
  }
}

/** @throws CoveyError E_ARGUMENT: a token out of range would read foreign memory, one that comes twice would count once */
export function checkSoftLabels(
  { width, ids, probabilities, rest }: SoftLabels,
  labels: number,
  answers: number,
): void {
  const bad = (what: string): CoveyError => new CoveyError('E_ARGUMENT', `the soft labels are not valid: ${what}`, {})
  if (!Number.isInteger(width) || width < 1 || width > answers)
    throw bad(`expected 1 to ${answers} tokens a place, got ${width}`)
  for (const [name, { length }] of Object.entries({ ids, probabilities })) {
    if (length !== labels * width) throw bad(`${name}: expected ${labels * width} numbers, got ${length}`)
  }
  if (rest.length !== labels) throw bad(`rest: expected ${labels} numbers, got ${rest.length}`)
  const seenAt = new Int32Array(answers).fill(-1)
  for (let place = 0; place < labels; place++) {
    let sum = rest[place] as number
    if (!(sum >= 0)) throw bad(`rest ${sum} at place ${place}, expected 0 to 1`)
    for (let i = place * width; i < (place + 1) * width; i++) {
      const [id, p] = [ids[i] as number, probabilities[i] as number]
      if (id < 0 || id >= answers) throw bad(`token ${id} at place ${place}, there are ${answers}`)
      if (seenAt[id] === place) throw bad(`token ${id} twice at place ${place}`)
      if (!(p >= 0)) throw bad(`probability ${p} at place ${place}, expected 0 to 1`)
      seenAt[id] = place
      sum += p
    }
    if (!(Math.abs(sum - 1) <= SUM_TOLERANCE))
      throw bad(`probabilities at place ${place}: expected a sum of 1, got ${sum}`)
  }
}
