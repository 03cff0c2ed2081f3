/** Small batches, models and optimizers for the engine's tests. */
import { seededRandom } from '../../src/base/random.ts'
import { packExamples } from '../../src/data/pack.ts'
import { softLabels } from '../../src/engine/loop/soft-labels.ts'
import { modelFromFlat } from '../../src/model/memory.ts'
import { createRandomModel } from '../../src/model/random.ts'
import { IGNORE_LABEL, type PackedBatch, type TokenizedExample } from '../../src/types/data.ts'
import type { OptimizerConfig } from '../../src/types/engine.ts'
import type { BaseModel, ModelConfig } from '../../src/types/model.ts'

/** beta1 = 0: after one step the first moment is the gradient itself. */
export const gradientProbe: OptimizerConfig = { beta1: 0, beta2: 0, epsilon: 1, weightDecay: 0, clipNorm: 0 }
export const adam: OptimizerConfig = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 1 }

/** Weights large enough that every gradient is far above float32's noise; norms near 1. */
export function livelyModel(config: ModelConfig, seed = 1): BaseModel {
  const zero = createRandomModel(config, seed)
  const random = seededRandom(`lively/${seed}`)
  const parts = zero.tensorNames.map((name) =>
    zero.tensor(name).map((x) => (x === 1 ? 1 + 0.3 * (2 * random.next() - 1) : 0.5 * (2 * random.next() - 1))),
  )
  const flat = new Float32Array(parts.reduce((n, p) => n + p.length, 0))
  let at = 0
  for (const part of parts) {
    flat.set(part, at)
    at += part.length
  }
  return modelFromFlat(config, flat, 'lively')
}

export function randomVector(size: number, bound: number, seed = 1): Float32Array {
  const random = seededRandom(`vector/${seed}`)
  return Float32Array.from({ length: size }, () => bound * (2 * random.next() - 1))
}

/** `count` examples of 3 to 7 tokens, the first one or two of them the prompt. */
export function randomExamples(config: ModelConfig, count: number, seed = 1): TokenizedExample[] {
  const random = seededRandom(`examples/${seed}`)
  return Array.from({ length: count }, () => ({
    ids: Int32Array.from({ length: 3 + random.int(5) }, () => random.int(config.vocabSize)),
    promptLength: 1 + random.int(2),
  }))
}

/** Several examples a row, so that segments matter. */
export function randomBatch(config: ModelConfig, count = 5, seed = 1, length = 12): PackedBatch {
  return packExamples(randomExamples(config, count, seed), length)
}

/** The same labels with weights in [0, 2). */
export function weighted(batch: PackedBatch, seed = 1): PackedBatch {
  const random = seededRandom(`weights/${seed}`)
  return { ...batch, weights: Float32Array.from(batch.labels, () => 2 * random.next()) }
}

/** The same labels with those of a teacher that knows nothing of them. */
export function taught(batch: PackedBatch, answers: number, width: number, seed = 1): PackedBatch {
  const random = seededRandom(`teacher/${seed}`)
  const rows = Array.from({ length: batch.labelCount }, () => {
    const odds = Array.from({ length: answers }, () => random.next() ** 4)
    const sum = odds.reduce((n, x) => n + x, 0)
    return odds.map((x) => x / sum)
  })
  return { ...batch, soft: softLabels(Float32Array.from(rows.flat()), answers, width) }
}

/** The same texts with one label each, on their first token: classes in turn. */
export function classifierBatch(batch: PackedBatch, classes: number): PackedBatch {
  const labels = batch.labels.map((_, i) => {
    const segment = batch.segments[i] as number
    return segment > 0 && batch.positions[i] === 0 ? (segment - 1) % classes : IGNORE_LABEL
  })
  return { ...batch, labels, labelCount: batch.examples }
}

/** Largest absolute difference. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = a.length === b.length ? 0 : Number.POSITIVE_INFINITY
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs((a[i] as number) - (b[i] as number)))
  return most
}
