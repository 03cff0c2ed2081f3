/** How a round is trained under differential privacy: what each step draws and is given, and what is made of the delta. */

import { MAX_DELTA_RMS } from '../../src/adapter/delta.ts'
import { gather, scatter, trainedSize } from '../../src/adapter/encodings/encoding.ts'
import { CoveyError } from '../../src/base/errors.ts'
import { longestOf, packExamples } from '../../src/data/pack.ts'
import { gridNoise } from '../../src/privacy/noise/discrete-gaussian.ts'
import { exampleClip, gridStep, privateDelta } from '../../src/privacy/noise/on-grid.ts'
import { poissonSteps } from '../../src/privacy/noise/sampling.ts'
import type { LoraFactor, LoraLayout } from '../../src/types/adapter.ts'
import type { PackedBatch, TokenizedExample } from '../../src/types/data.ts'
import type { PerExample, StepNoise } from '../../src/types/engine.ts'
import type { DpSpec } from '../../src/types/spec.ts'
import type { ReleaseRecord } from './budget.ts'

/** Short rows: each further example in a row costs another product as large as the row's own. */
const ROW_STEP = 8

type RandomBytes = (length: number) => Uint8Array

export interface PrivateSteps {
  /** null: nobody was drawn */
  nextBatch(): PackedBatch | null
  /** of two buffers in turn: one may be filled while a step reads the other */
  nextNoise(): StepNoise
}

/** How far the engine clips, and what it divides by. @throws CoveyError E_PRIVACY */
export function clippingOf(dp: DpSpec, release: ReleaseRecord, batchExamples: number, trained: number): PerExample {
  return { clip: exampleClip(dp.clip, release.noise * dp.clip, trained), examples: batchExamples }
}

/** @param examples already known to fit the model */
export function privateSteps(
  examples: readonly TokenizedExample[],
  dp: DpSpec,
  release: ReleaseRecord,
  trained: number,
  randomBytes: RandomBytes,
): PrivateSteps {
  const draw = poissonSteps(examples, release.rate, randomBytes)
  const noise = gridNoise(randomBytes)
  const step = gridStep(release.noise * dp.clip)
  const buffers = [0, 1].map(() => new Int32Array(new SharedArrayBuffer(4 * trained)))
  let turn = 0
  return {
    nextBatch() {
      const drawn = draw()
      return drawn.length === 0 ? null : packExamples(drawn, Math.ceil(longestOf(drawn) / ROW_STEP) * ROW_STEP)
    },
    nextNoise() {
      const values = buffers[turn++ % 2] as Int32Array
      noise.fill(values)
      return { step, values }
    },
  }
}

/**
 * A node's whole delta with noise: a change of any of its examples, or of all, moves a clipped delta by at most 2·clip.
 * @param change (layout.size) @returns (layout.size)
 * @throws CoveyError E_PRIVACY when peers would take the noise for junk
 */
export function noisedDelta(
  layout: LoraLayout,
  factors: readonly LoraFactor[],
  change: Float32Array,
  { clip }: DpSpec,
  { noise }: ReleaseRecord,
  randomBytes: RandomBytes,
): Float32Array {
  const deviation = 2 * clip * noise
  // the norm is clip at most, the noise's about √(values)·deviation
  const rms = Math.hypot(deviation, clip / Math.sqrt(trainedSize(layout, factors)))
  if (rms > MAX_RMS_SHARE * MAX_DELTA_RMS) {
    throw new CoveyError(
      'E_PRIVACY',
      `noise of ${deviation.toPrecision(3)} in each value is more than peers take for a delta (${MAX_DELTA_RMS}): the task needs a smaller clip or a larger epsilon`,
      { deviation },
    )
  }
  const values = privateDelta(gather(layout, factors, change), { clip, deviation }, gridNoise(randomBytes))
  return scatter(layout, factors, values)
}

/** Noise has its ups and downs: a norm near the limit would be above it half of the time. */
const MAX_RMS_SHARE = 0.8
