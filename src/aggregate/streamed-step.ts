/**
 * The outer step with a round's deltas in files: at most about one delta's worth of values of all of them is in memory at a time,
 * beside the adapters. Inner products, digests and means are taken module by module in the same order as in outer-step.ts, so what
 * comes out has the same bytes.
 */
import { bytesOf, startSha256 } from '../base/bytes.ts'
import { CoveyError } from '../base/errors.ts'
import type { LoraLayout } from '../types/adapter.ts'
import type { DeltaSource } from '../types/aggregate.ts'
import { openKernel } from './linear-algebra/simd.ts'
import { outerStep, type Stepped } from './outer/step.ts'
import { checkAmong, checkSettings, type OuterStep, type StepInput, sharesOf, stateOf, weightOf } from './outer-step.ts'
import { beside, type Joining, joinedPlainly, letIn, runChain, weigh } from './robust/chain.ts'
import { addModules, finished } from './robust/delta-gram.ts'
import { dealing, looksAtProducts, looksAtSeed, type Sight, wayBack } from './robust/sight.ts'
import { checkWeights } from './rules/mean.ts'
import { type Tile, tilesOf } from './tiles.ts'

/** Values of all deltas together that are read at once even where a delta has fewer: 16 MiB. */
const LEAST_VALUES = 2 ** 22

export interface StreamedStepInput extends StepInput {
  /** in seat order; what it reads is checked already */
  readonly source: DeltaSource
  /** values of all deltas together that are read at once; left out: as many as one delta has, and no fewer than LEAST_VALUES */
  readonly atOnce?: number
}

/** As an OuterStep; each adapter that is asked for is another pass over the deltas. */
export interface StreamedStep extends Omit<OuterStep, 'without' | 'letIn' | 'alone'> {
  without(gone: ReadonlySet<number>): Promise<Float32Array>
  letIn(i: number, gone: ReadonlySet<number>): Promise<Float32Array>
  alone(i: number | null): Promise<Float32Array>
}

/** @throws CoveyError E_AGGREGATE | E_ARGUMENT, and what the source throws */
export async function openStreamedStep(input: StreamedStepInput): Promise<StreamedStep> {
  const { aggregator, outer, layout, base, weights, round, source } = input
  const steps = checkSettings(input)
  checkWeights(layout, base, source.count, weights)
  const factors = aggregator.trainedFactors(round)
  const atOnce = input.atOnce ?? Math.max(LEAST_VALUES, layout.size)
  const tiles = tilesOf(layout, Math.floor(atOnce / Math.max(1, source.count)))
  const state = stateOf(input)
  const sight = await sightOver(tiles, { ...input, steps, factors })
  const joining = beside(runChain(steps, weights, sight), input.leftOut ?? 0)
  const shares = sharesOf(joining, weights.length)

  const resultOf = async (how: Joining, kept: (i: number) => boolean): Promise<Stepped> => {
    const out = base.slice()
    for (const tile of tiles) {
      const parts = await partsOf(source, tile, kept)
      const part = base.subarray(tile.begin, tile.end)
      const { deltas, ...joined } = weigh(how, parts, tile.layout, factors, source.directions)
      // whoever is left out is so in every tile
      if (deltas.length === 0) return { next: out, moments: state.moments }
      out.set(aggregator.aggregate(tile.layout, part, deltas, joined.weights, round, joined.directions), tile.begin)
    }
    return outerStep(outer, state, out)
  }
  const { next, moments } = await resultOf(joining, all)
  return {
    next,
    moments,
    shares,
    async without(gone) {
      checkAmong(weights, gone)
      return (await resultOf(joining, (i) => !gone.has(i))).next
    },
    async letIn(i, gone) {
      checkAmong(weights, gone)
      const how = letIn(joining, i, weights.length, weightOf(weights, i))
      return (await resultOf(how, (other) => !gone.has(other))).next
    },
    async alone(i) {
      if (i !== null) weightOf(weights, i)
      return (await resultOf(joinedPlainly(weights), (other) => other === i)).next
    },
  }
}

const all = (): boolean => true

/** @param kept the others are nothing, and are not read */
async function partsOf(source: DeltaSource, tile: Tile, kept: (i: number) => boolean): Promise<Float32Array[]> {
  const parts: Float32Array[] = []
  for (let i = 0; i < source.count; i++)
    parts.push(
      kept(i) ? checked(await source.read(i, tile.begin, tile.end), i, tile) : new Float32Array(tile.layout.size),
    )
  return parts
}

function checked(part: Float32Array, i: number, { layout }: Tile): Float32Array {
  if (part.length === layout.size) return part
  throw new CoveyError('E_AGGREGATE', `delta ${i}: expected ${layout.size} values, got ${part.length}`)
}

type SightInput = StreamedStepInput & Parameters<typeof wayBack>[0]

/** One pass over the deltas for what the steps look at; none when they look at nothing. */
async function sightOver(tiles: readonly Tile[], input: SightInput): Promise<Sight> {
  const { steps, layout, base, source, round } = input
  const back = wayBack(input)
  const n = source.count + (back === null ? 0 : 1)
  const products = looksAtProducts(steps)
  const seeded = looksAtSeed(steps)
  const gram = new Float64Array(products ? n * n : 0)
  const hashes = Array.from({ length: seeded ? source.count : 0 }, startSha256)
  const kernel = products ? openKernel() : null
  for (const tile of products || seeded ? tiles : []) {
    const parts = await partsOf(source, tile, all)
    hashes.forEach((hash, i) => {
      hash.update(bytesOf(parts[i] as Float32Array))
    })
    if (!products) continue
    const part = base.subarray(tile.begin, tile.end)
    if (back !== null) parts.push(back.delta.subarray(tile.begin, tile.end))
    addModules(tile.layout, part, parts, back?.factors ?? input.factors, gram, kernel)
  }
  return sightOfPass(
    layout,
    n,
    back !== null,
    products ? gram : null,
    round,
    seeded ? hashes.map((h) => h.digest('hex')) : [],
  )
}

function sightOfPass(
  layout: LoraLayout,
  n: number,
  back: boolean,
  sums: Float64Array | null,
  round: number,
  digests: readonly string[],
): Sight {
  const gram = sums === null ? new Float64Array(n * n) : finished(layout.lora, n, sums)
  return { back, gram: () => gram, random: () => dealing(round, digests) }
}
