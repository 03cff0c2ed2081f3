/** Packed batches as feeds: checked first, because an index out of range would read foreign memory. */
import { CoveyError } from '../../base/errors.ts'
import { IGNORE_LABEL, type PackedBatch, type SoftLabels } from '../../types/data.ts'
import type { ModelConfig } from '../../types/model.ts'
import { checkSoftLabels, someSoftLabels } from './soft-labels.ts'

/** Most tokens in one batch: attention needs rows·length² numbers a head, logits labels·vocabulary. */
export const MAX_BATCH_TOKENS = 1 << 20

export interface Labels {
  /** (L) place in rows·length */
  readonly index: Int32Array
  /** (L) the token to predict there */
  readonly ids: Int32Array
  /** (L) what it counts in the loss, ≥ 0 */
  readonly weights: Float32Array
  /** what a teacher says of the same places */
  readonly soft: SoftLabels | null
}

/** How many numbers a model answers with: its vocabulary, or a classifier's classes. */
export function answersOf(config: ModelConfig): number {
  return config.plain?.classes?.length ?? config.vocabSize
}

/** The labelled places of a batch. @throws CoveyError E_ARGUMENT for a batch that does not fit the model */
export function labelsOf(batch: PackedBatch, config: ModelConfig): Labels {
  const { rows, length } = batch
  const n = rows * length
  const bad = (what: string): CoveyError =>
    new CoveyError('E_ARGUMENT', `the packed batch is not valid: ${what}`, { rows, length })
  if (!Number.isInteger(rows) || !Number.isInteger(length) || rows < 1 || length < 1 || n > MAX_BATCH_TOKENS) {
    throw bad(`expected 1 to ${MAX_BATCH_TOKENS} tokens, got ${rows} rows of ${length}`)
  }
  for (const name of ['ids', 'labels', 'positions', 'segments'] as const) {
    if (batch[name].length !== n) throw bad(`${name}: expected ${n} numbers, got ${batch[name].length}`)
  }
  if (batch.weights !== undefined && batch.weights.length !== n)
    throw bad(`weights: expected ${n} numbers, got ${batch.weights.length}`)
  const classes = config.plain?.classes
  const answers = answersOf(config)
  const index = new Int32Array(n)
  const ids = new Int32Array(n)
  const weights = new Float32Array(n)
  let count = 0
  for (let i = 0; i < n; i++) {
    const id = batch.ids[i] as number
    const label = batch.labels[i] as number
    const position = batch.positions[i] as number
    if (id < 0 || id >= config.vocabSize) throw bad(`token ${id} at ${i}, the vocabulary has ${config.vocabSize}`)
    if (position < 0 || position >= config.maxPositions)
      throw bad(`position ${position} at ${i}, the model knows ${config.maxPositions}`)
    if (label === IGNORE_LABEL) continue
    if (label < 0 || label >= answers)
      throw bad(`label ${label} at ${i}, the ${classes === undefined ? 'vocabulary' : 'classifier'} has ${answers}`)
    if (classes !== undefined && position !== 0)
      throw bad(`label at position ${position}; a classifier answers at an example's first token only`)
    const weight = batch.weights === undefined ? 1 : (batch.weights[i] as number)
    if (!(weight >= 0 && Number.isFinite(weight)))
      throw bad(`weight ${weight} at ${i}, expected a finite number from 0`)
    index[count] = i
    ids[count] = label
    weights[count] = weight
    count++
  }
  if (batch.soft) checkSoftLabels(batch.soft, count, answers)
  const soft = batch.soft ?? null
  return { index: index.slice(0, count), ids: ids.slice(0, count), weights: weights.slice(0, count), soft }
}

/** The labels that a training step computes: what counts nothing need not reach the head. */
export function weightedLabels(labels: Labels): Labels {
  const { index, ids, weights, soft } = labels
  if (weights.every((w) => w > 0)) return labels
  const kept = (_: number, i: number): boolean => (weights[i] as number) > 0
  return {
    index: index.filter(kept),
    ids: ids.filter(kept),
    weights: weights.filter(kept),
    soft: soft && someSoftLabels(soft, (i) => (weights[i] as number) > 0),
  }
}

/** The sum of the weights, in float64. */
export function totalWeight({ weights }: Labels): number {
  let sum = 0
  for (const w of weights) sum += w
  return sum
}
