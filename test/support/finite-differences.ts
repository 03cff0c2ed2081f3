/** Derivatives against central differences of the loss itself (fourth order, step 1e-2). */
import { expect } from 'chai'
import { seededRandom } from '../../src/base/random.ts'
import type { PackedBatch } from '../../src/types/data.ts'
import type { Trainer } from '../../src/types/engine.ts'
import type { ModelConfig } from '../../src/types/model.ts'
import { classifierBatch, randomBatch, weighted } from './engine-fixtures.ts'

const STEP = 1e-2
/** of a classifier, whose ReLU must not bend between two measurements */
const SHORT_STEP = 2e-3
/** float32 loss noise (about 2e-7) over the step */
const TOLERANCE = 2e-4
/** the remainder of the fourth-order formula */
const RELATIVE = 4e-3

/**
 * Each of `places` against the differences of a training step's own loss, whose labels have weights; the trainer's optimizer
 * is `gradientProbe`.
 * @param taught gives each batch its soft labels, where the trainer distils
 */
export async function checkGradient(
  trainer: Trainer,
  config: ModelConfig,
  at: Float32Array,
  places: readonly number[],
  taught: (batch: PackedBatch) => PackedBatch = (batch) => batch,
): Promise<void> {
  const batches = [weighted(randomBatch(config, 4, 1)), randomBatch(config, 3, 2)].map((b) => {
    const { classes } = config.plain ?? {}
    return taught(classes === undefined ? b : classifierBatch(b, classes.length))
  })
  const lossAt = async (i: number, by: number): Promise<number> => {
    const moved = at.slice()
    moved[i] = (moved[i] as number) + by
    trainer.setParameters(moved)
    return (await trainer.step(batches, 0)).loss
  }
  const step = config.plain?.classes === undefined ? STEP : SHORT_STEP
  trainer.setParameters(at)
  await trainer.step(batches, 0)
  const gradient = trainer.optimizerState().m
  let largest = 0
  for (const i of places) {
    const near = (await lossAt(i, step)) - (await lossAt(i, -step))
    const far = (await lossAt(i, 2 * step)) - (await lossAt(i, -2 * step))
    const expected = (8 * near - far) / (12 * step)
    expect(gradient[i], `parameter ${i}`).to.be.closeTo(expected, TOLERANCE + RELATIVE * Math.abs(expected))
    largest = Math.max(largest, Math.abs(expected))
  }
  expect(largest, 'the gradients tested are not all near zero').to.be.greaterThan(100 * TOLERANCE)
}

/** A few places in each stretch of the flat vector. */
export function placesIn(spans: readonly { offset: number; size: number }[], each: number): number[] {
  const random = seededRandom('places')
  return spans.flatMap(({ offset, size }) => Array.from({ length: each }, () => offset + random.int(size)))
}
