/** Steps for privacy by example: who is where in a batch, what a label counts in its example, and the noise. */
import { CoveyError } from '../../base/errors.ts'
import type { PackedBatch } from '../../types/data.ts'
import type { PerExample, StepNoise } from '../../types/engine.ts'
import type { Span } from './adamw.ts'
import type { Labels } from './batch.ts'

/** (rows, most, length): 1 at the places of a row's first, second … example, 0 elsewhere; `most` examples share a row, at least 1. */
export function membersOf(batch: PackedBatch): { members: Float32Array; most: number } {
  const { rows, length, segments } = batch
  const numbers = numbersInRows(batch)
  const most = mostOf(numbers)
  const members = new Float32Array(rows * most * length)
  for (let i = 0; i < rows * length; i++) {
    const segment = segments[i] as number
    if (segment === 0) continue
    const row = Math.floor(i / length)
    const place = (numbers[row] as number[]).indexOf(segment)
    members[(row * most + place) * length + (i % length)] = 1
  }
  return { members, most }
}

/** How many examples share a row, at least 1. */
export function mostInRow(batch: PackedBatch): number {
  return mostOf(numbersInRows(batch))
}

const mostOf = (numbers: readonly (readonly number[])[]): number =>
  numbers.reduce((most, own) => Math.max(most, own.length), 1)

/** The examples of each row, in the order of their places. */
function numbersInRows({ rows, length, segments }: PackedBatch): number[][] {
  return Array.from({ length: rows }, (_, r) => [
    ...new Set(segments.subarray(r * length, (r + 1) * length).filter((segment) => segment > 0)),
  ])
}

/** (L) each label's weight over the sum of those of its own example, so that no example's loss depends on another's. */
export function sharesInExamples({ segments }: PackedBatch, { index, weights }: Labels): Float32Array {
  const sums = new Map<number, number>()
  index.forEach((place, i) => {
    const segment = segments[place] as number
    sums.set(segment, (sums.get(segment) ?? 0) + (weights[i] as number))
  })
  return weights.map((w, i) => w / (sums.get(segments[index[i] as number] as number) as number))
}

/** @throws CoveyError E_ARGUMENT for a step without the noise that it needs, or with noise that is not for it */
export function checkNoise(noise: StepNoise | null, perExample: PerExample | null, spans: readonly Span[]): void {
  if (perExample === null && noise === null) return
  if (perExample === null || noise === null) {
    const message =
      noise === null
        ? 'this trainer clips each example: expected noise with every step, got none'
        : 'this trainer does not clip each example: noise would protect nothing; open it with perExample'
    throw new CoveyError('E_ARGUMENT', message)
  }
  const size = spans.reduce((n, span) => n + span.size, 0)
  if (noise.values.length !== size || !(noise.step > 0 && Number.isFinite(noise.step))) {
    throw new CoveyError(
      'E_ARGUMENT',
      `noise: expected ${size} numbers on a grid with a step above 0, got ${noise.values.length} and ${noise.step}`,
    )
  }
}

/**
 * Rounds the sum of clipped gradients to the grid, where the noise is whole numbers, adds them and divides. Not finite stays not finite.
 */
export function addNoise(
  gradient: Float32Array,
  spans: readonly Span[],
  { step, values }: StepNoise,
  { examples }: PerExample,
): void {
  let at = 0
  for (const { offset, size } of spans) {
    for (let i = offset; i < offset + size; i++) {
      const whole = Math.round((gradient[i] as number) / step) + (values[at++] as number)
      gradient[i] = (whole * step) / examples
    }
  }
}
