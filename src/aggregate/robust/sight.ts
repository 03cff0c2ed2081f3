/** What robust steps see of a round: inner products of its deltas, the last global step, and a seed that nobody chose. */
import { bytesOf, sha256 } from '../../base/bytes.ts'
import { type Random, seededRandom } from '../../base/random.ts'
import type { LoraFactor, LoraLayout } from '../../types/adapter.ts'
import type { RobustStepName } from '../../types/spec.ts'
import { entryRange } from '../rules/mean.ts'
import { deltaGram } from './delta-gram.ts'
import { isCoordinateRule } from './steps.ts'

export interface Sight {
  /** (n, n) row-major, ⟨ΔWᵢ, ΔWⱼ⟩ of the deltas, and behind them of the way back where there is one */
  readonly gram: () => Float64Array
  /** there is a last step to go by: the last row is the way back from the base to what was before it */
  readonly back: boolean
  readonly random: () => Random
}

export interface SightInput {
  readonly steps: readonly RobustStepName[]
  readonly layout: LoraLayout
  /** (layout.size) what the deltas were made on */
  readonly base: Float32Array
  /** (layout.size) what the base was built on; null when there is no last step to go by */
  readonly before: Float32Array | null
  /** that this round trains */
  readonly factors: readonly LoraFactor[]
  readonly round: number
}

/** Of deltas in memory, (layout.size) each in seat order: computed when the first step looks, and once. */
export function sightOf(input: SightInput & { readonly deltas: readonly Float32Array[] }): Sight {
  const { deltas, layout, base } = input
  const back = wayBack(input)
  let known: Float64Array | undefined
  return {
    back: back !== null,
    random: () =>
      dealing(
        input.round,
        deltas.map((delta) => sha256(bytesOf(delta))),
      ),
    gram() {
      known ??=
        back === null
          ? deltaGram(layout, base, deltas, input.factors)
          : deltaGram(layout, base, [...deltas, back.delta], back.factors)
      return known
    },
  }
}

/** Whether any of the steps looks at inner products, or at the seed. */
export const looksAtProducts = (steps: readonly RobustStepName[]): boolean =>
  steps.some((step) => !isCoordinateRule(step) && step !== 'bucketing')
export const looksAtSeed = (steps: readonly RobustStepName[]): boolean => steps.includes('bucketing')

/** @param digests sha256 of each delta's values as float32, hexadecimal */
export function dealing(round: number, digests: readonly string[]): Random {
  return seededRandom(`covey/bucketing/1/${round}/${digests.join('/')}`)
}

/** From the base back to what it was built on, as a delta, with the factors that it or the round moves; null: no step looks at it. */
export function wayBack({
  steps,
  layout,
  base,
  before,
  factors,
}: SightInput): { readonly delta: Float32Array; readonly factors: readonly LoraFactor[] } | null {
  if (before === null || !steps.includes('cosine-gate')) return null
  const delta = before.map((x, i) => x - (base[i] as number))
  const moved = layout.entries.filter((entry) => delta.subarray(...entryRange(entry)).some((x) => x !== 0))
  return {
    delta,
    factors: (['A', 'B'] as const).filter((f) => factors.includes(f) || moved.some((e) => e.factor === f)),
  }
}
