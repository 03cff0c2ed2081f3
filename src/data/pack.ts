/**
 * Packing: short examples share rows, so that little of a batch is padding. First-fit decreasing (Johnson 1973): at most
 * 11/9 of the fewest rows possible, plus one.
 */
import { CoveyError } from '../base/errors.ts'
import { IGNORE_LABEL, type PackedBatch, type TokenizedExample } from '../types/data.ts'

/** Lengths that rows are chosen from are multiples of this: matrix kernels work in blocks, and the engine sees few shapes. */
const ROW_STEP = 32
/** Rows grow up to this long to take in several short examples. */
const LONG_ROW = 256
/**
 * A place costs 1 + length/ATTENTION_TOKENS: attention's share grows with the row. At 128 tokens it is an eighth of a step
 * of the shipped model, less in larger ones (ONNX Runtime's profile, `createOnnxEngine({ profile })`).
 */
const ATTENTION_TOKENS = 1024

/** Where each example begins: `starts[i] = row·length + column`. */
function firstFit(
  examples: readonly TokenizedExample[],
  length: number,
): { readonly rows: number; readonly starts: Int32Array } {
  const order = examples.map((_, i) => i)
  const sizeOf = (i: number): number => (examples[i] as TokenizedExample).ids.length
  order.sort((a, b) => sizeOf(b) - sizeOf(a) || a - b)
  const used: number[] = []
  const starts = new Int32Array(examples.length)
  for (const i of order) {
    const size = sizeOf(i)
    let row = used.findIndex((n) => n + size <= length)
    if (row < 0) row = used.push(0) - 1
    const column = used[row] as number
    starts[i] = row * length + column
    used[row] = column + size
  }
  return { rows: used.length, starts }
}

/**
 * Packs all examples into rows of the length that costs least: eight of 35 tokens fill two rows of 160, and would leave a
 * quarter of three rows of 128 empty.
 * @throws CoveyError E_ARGUMENT when there is no example or one is empty
 */
export function packTightly(examples: readonly TokenizedExample[]): PackedBatch {
  let length = Math.ceil(longestOf(examples) / ROW_STEP) * ROW_STEP
  let least = Number.POSITIVE_INFINITY
  for (let candidate = length; candidate <= Math.max(length, LONG_ROW); candidate += ROW_STEP) {
    const cost = firstFit(examples, candidate).rows * candidate * (1 + candidate / ATTENTION_TOKENS)
    if (cost < least) [least, length] = [cost, candidate]
  }
  return packExamples(examples, length)
}

/** Tokens of the longest, at least 1. */
export function longestOf(examples: readonly TokenizedExample[]): number {
  return examples.reduce((longest, { ids }) => Math.max(longest, ids.length), 1)
}

/**
 * Packs all examples into rows of `length` tokens. Segment k+1 is `examples[k]`, wherever it lies. `labels[i]` is the
 * token that follows place i in the same example; places whose next token belongs to the prompt carry no label. An example
 * that brings labels of its own keeps them. The batch has weights when one of its examples has.
 * @throws CoveyError E_ARGUMENT when an example is empty or longer than `length`
 */
export function packExamples(examples: readonly TokenizedExample[], length: number): PackedBatch {
  if (!Number.isSafeInteger(length) || length < 1) {
    throw new CoveyError('E_ARGUMENT', `length: expected a whole number of at least 1, got ${length}`, { length })
  }
  if (examples.length === 0) throw new CoveyError('E_ARGUMENT', 'examples: expected at least one, got none')
  examples.forEach(({ ids, promptLength, labels, weights }, i) => {
    if (weights !== undefined && weights.length !== ids.length) {
      throw new CoveyError('E_ARGUMENT', `examples[${i}]: expected ${ids.length} weights, got ${weights.length}`, {
        index: i,
      })
    }
    if (labels !== undefined && labels.length !== ids.length) {
      throw new CoveyError('E_ARGUMENT', `examples[${i}]: expected ${ids.length} labels, got ${labels.length}`, {
        index: i,
      })
    }
    if (ids.length < 1 || ids.length > length) {
      throw new CoveyError('E_ARGUMENT', `examples[${i}]: expected 1 to ${length} tokens, got ${ids.length}`, {
        index: i,
      })
    }
    if (!Number.isSafeInteger(promptLength) || promptLength < 0 || promptLength > ids.length) {
      throw new CoveyError(
        'E_ARGUMENT',
        `examples[${i}]: expected a prompt of 0 to ${ids.length} tokens, got ${promptLength}`,
        { index: i },
      )
    }
  })
  const { rows, starts } = firstFit(examples, length)
  const size = rows * length
  const ids = new Int32Array(size)
  const labels = new Int32Array(size).fill(IGNORE_LABEL)
  const positions = new Int32Array(size)
  const segments = new Int32Array(size)
  const weights = examples.some((e) => e.weights) ? new Float32Array(size).fill(1) : null
  let labelCount = 0
  examples.forEach((example, k) => {
    const start = starts[k] as number
    ids.set(example.ids, start)
    segments.fill(k + 1, start, start + example.ids.length)
    if (weights && example.weights) weights.set(example.weights, start)
    for (let p = 0; p < example.ids.length; p++) positions[start + p] = p
    if (example.labels !== undefined) {
      labels.set(example.labels, start)
      labelCount += example.labels.reduce((n, label) => n + (label === IGNORE_LABEL ? 0 : 1), 0)
      return
    }
    for (let p = Math.max(example.promptLength - 1, 0); p + 1 < example.ids.length; p++) {
      labels[start + p] = example.ids[p + 1] as number
      labelCount++
    }
  })
  const batch = { rows, length, ids, labels, positions, segments, examples: examples.length, labelCount }
  return weights ? { ...batch, weights } : batch
}
