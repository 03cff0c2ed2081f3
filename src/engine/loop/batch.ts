/** Packed batches as feeds: checked first, because an index out of range would read foreign memory. */
import { CoveyError } from '../../base/errors.ts'
import { IGNORE_LABEL, type PackedBatch } from '../../types/data.ts'
import type { ModelConfig } from '../../types/model.ts'

/** Most tokens in one batch: attention needs rows·length² numbers a head, logits labels·vocabulary. */
export const MAX_BATCH_TOKENS = 1 << 20

export interface Labels {
  /** (L) place in rows·length */
  readonly index: Int32Array
  /** (L) the token to predict there */
  readonly ids: Int32Array
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
  const classes = config.plain?.classes
  const answers = classes?.length ?? config.vocabSize
  const index = new Int32Array(n)
  const ids = new Int32Array(n)
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
    index[count] = i
    ids[count] = label
    count++
  }
  return { index: index.slice(0, count), ids: ids.slice(0, count) }
}
