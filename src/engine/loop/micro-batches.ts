/**
 * A batch in parts that go through a model one after the other: their gradients add up to that of the whole, and only one
 * part's activations are in memory (gradient accumulation). Rows do not see each other, so they are what is dealt out.
 */
import { IGNORE_LABEL, type PackedBatch } from '../../types/data.ts'
import type { ModelConfig } from '../../types/model.ts'
import { sliceSoftLabels } from './soft-labels.ts'

/** Activations that one part may keep for its derivatives. */
export const MAX_ACTIVATION_BYTES = 512 * 1024 * 1024
/** float32 vectors that a layer keeps for each token: of the hidden width, and of the feed-forward's */
const HIDDEN_VECTORS = 14
const FFN_VECTORS = 5
/** logits and their softmax, for each labelled token */
const VOCABULARY_VECTORS = 2
/** with a teacher: the student's softmax at its temperature, what of it is no likely token of the teacher's, and the derivative */
const DISTILLED_VOCABULARY_VECTORS = 5
const FLOAT_BYTES = 4

/** Roughly what a token keeps, were it labelled. */
export function activationBytes({ layers, hiddenSize, ffnSize, vocabSize }: ModelConfig, distilled = false): number {
  const layer = HIDDEN_VECTORS * hiddenSize + FFN_VECTORS * ffnSize
  const logits = distilled ? DISTILLED_VOCABULARY_VECTORS : VOCABULARY_VECTORS
  return FLOAT_BYTES * (layers * layer + logits * vocabSize)
}

/**
 * Parts of at least one row each, as even as they come; the batch itself when it is small enough.
 * @param rowBytes what a row keeps beside its activations: gradients of single examples
 */
export function microBatches(
  batch: PackedBatch,
  config: ModelConfig,
  maxBytes = MAX_ACTIVATION_BYTES,
  rowBytes = 0,
): readonly PackedBatch[] {
  const { rows, length } = batch
  const bytes = activationBytes(config, batch.soft !== undefined) * length + rowBytes
  const most = Math.max(1, Math.floor(maxBytes / bytes))
  if (rows <= most) return [batch]
  const parts = Math.ceil(rows / most)
  return Array.from({ length: parts }, (_, i) =>
    rowsOf(batch, Math.floor((i * rows) / parts), Math.floor(((i + 1) * rows) / parts)),
  )
}

/** Rows `from` to before `to`. */
export function rowsOf(batch: PackedBatch, from: number, to: number): PackedBatch {
  const { length } = batch
  const cut = (values: Int32Array): Int32Array => values.subarray(from * length, to * length)
  const [labels, segments] = [cut(batch.labels), cut(batch.segments)]
  const labelCount = countLabels(labels)
  const before = batch.soft === undefined ? 0 : countLabels(batch.labels.subarray(0, from * length))
  return {
    rows: to - from,
    length,
    ids: cut(batch.ids),
    labels,
    positions: cut(batch.positions),
    segments,
    examples: new Set(segments.filter((s) => s > 0)).size,
    labelCount,
    ...(batch.weights && { weights: batch.weights.subarray(from * length, to * length) }),
    ...(batch.soft && { soft: sliceSoftLabels(batch.soft, before, before + labelCount) }),
  }
}

const countLabels = (labels: Int32Array): number => labels.reduce((n, label) => n + Number(label !== IGNORE_LABEL), 0)
