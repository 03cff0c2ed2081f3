/**
 * Rounds without a network, for benches: the duties of a real round (train, encode, decode, aggregate; nothing is scored unless the
 * bench judges), node by node in one process, on real data dealt by whole partitions.
 */

import { randomBytes } from 'node:crypto'
import type { QuickstartOptions } from '../cli/cmds/quickstart/plan.ts'
import { makeShards, type Shards } from '../cli/cmds/quickstart/shards.ts'
import { quickstartSpec } from '../cli/cmds/quickstart/spec.ts'
import { directionsOf } from '../node/directions.ts'
import { type ReleaseRecord, releaseFor } from '../node/privacy/budget.ts'
import { dpOf } from '../node/privacy/floor.ts'
import { clippingOf, noisedDelta, privateSteps } from '../node/privacy/train.ts'
import { HELD_OUT_SHARE } from '../node/private-data.ts'
import { RESIDUAL_ROUNDS } from '../node/residual.ts'
import { learningRateAt } from '../node/schedule.ts'
import { trainAlone } from '../node/train-alone.ts'
import { type TrainProgress, trainLoop } from '../node/train-loop.ts'
import { optimizerOf } from '../node/workbench.ts'
import { decodeDelta, encodeDelta, residualOf } from '../src/adapter/delta.ts'
import { trainedSize } from '../src/adapter/encodings/encoding.ts'
import { encodingNamed } from '../src/adapter/encodings/registry.ts'
import { createLayout, initialAdapter } from '../src/adapter/layout.ts'
import type { Moments } from '../src/aggregate/outer/adaptive.ts'
import { type OuterStep, openStep } from '../src/aggregate/outer-step.ts'
import { aggregatorFor } from '../src/aggregate/registry.ts'
import { systemClock } from '../src/base/clock.ts'
import { isCoveyError } from '../src/base/errors.ts'
import { type Random, seededRandom, shuffle } from '../src/base/random.ts'
import { createBatcher, packForEvaluation } from '../src/data/batches.ts'
import { holdOut, probeSlices } from '../src/data/split.ts'
import { tokenizeExamples } from '../src/data/tokenize.ts'
import { loadTokenizer } from '../src/data/tokenizer.ts'
import { createOnnxEngine } from '../src/engine/onnx/engine.ts'
import { loadModel } from '../src/model/folder/load.ts'
import type { DeltaEncoding, LoraFactor, LoraLayout } from '../src/types/adapter.ts'
import type { PackedBatch, TokenizedExample, Tokenizer } from '../src/types/data.ts'
import type { EvalResult, Inference, OptimizerState, PerExample, Trainer } from '../src/types/engine.ts'
import type { BaseModel } from '../src/types/model.ts'
import type { TaskSpec, TrainingSpec } from '../src/types/spec.ts'
import type { Interference } from './interference.ts'

export interface RoundDone {
  readonly round: number
  /** (layout.size) the new global adapter */
  readonly global: Float32Array
  /** of each delta, bytes, seat order */
  readonly sizes: readonly number[]
  /** the nodes that trained, in the order of their seats, and what each one's delta weighed after the robust steps */
  readonly seats: readonly number[]
  readonly shares: readonly number[]
  /** by seat: what the judge let in; everything without one */
  readonly included: readonly boolean[]
  readonly rolledBack: boolean
  /** (layout.size) each, seat order: as published; null where every node refuses it (its norm is past all that training gives) */
  readonly deltas: readonly (Float32Array | null)[]
}

interface BenchNode {
  readonly examples: readonly TokenizedExample[]
  /** the same as a node parts them: what it trains on, and what its veto is measured on */
  readonly train: readonly TokenizedExample[]
  readonly heldOut: readonly TokenizedExample[]
  readonly liar: boolean
}

export interface Rounds {
  readonly model: BaseModel
  readonly tokenizer: Tokenizer
  readonly training: TrainingSpec
  readonly scoring: TaskSpec['scoring']
  /** what `evaluate` measures with; free between its calls */
  readonly inference: Inference
  readonly layout: LoraLayout
  /** (layout.size) where the first round starts */
  readonly initial: Float32Array
  readonly aggregation: TaskSpec['aggregation']
  /** of each node, by its number of examples; null where nothing has noise */
  readonly releases: readonly ReleaseRecord[] | null
  /** held-out examples */
  readonly testCount: number
  readonly nodes: readonly BenchNode[]
  /** one a round; empty where the probe has too few examples */
  readonly slices: readonly (readonly PackedBatch[])[]
  /** in the order that `evaluate` takes them */
  readonly test: readonly TokenizedExample[]
  /** All rounds from the initial adapter; the same seats, batches and order every time that it is called. */
  run(encoding: DeltaEncoding, interference?: Interference): AsyncGenerator<RoundDone>
  /** One model on all data in one place instead, from the same initial adapter. @returns (layout.size) what was trained */
  pooled(steps: number): AsyncGenerator<TrainProgress, Float32Array>
  /** on the first `count` of the held-out examples, shuffled by the seed */
  evaluate(values: Float32Array, count: number): Promise<EvalResult>
  close(): Promise<void>
}

/** Opens model, data and engines. @param threads of each engine */
export async function openRounds(options: QuickstartOptions, threads: number): Promise<Rounds> {
  const [model, tokenizer] = await Promise.all([loadModel(options.model), loadTokenizer(options.model)])
  const shards = await makeShards(options, tokenizer)
  const { training, scoring, adapter, aggregation, privacy } = quickstartSpec(options, model, shards.templates)
  const aggregator = aggregatorFor(aggregation.rule, aggregation.residualRank)
  const layout = createLayout(model.config, adapter)
  const directionsOfNode = (node: number): number => {
    const maxRank = options.ranks.length === 0 ? null : (options.ranks[node % options.ranks.length] as number)
    return directionsOf({ aggregator, layout, spec: { aggregation }, maxRank }).own
  }
  const { least, most } = directionsOf({ aggregator, layout, spec: { aggregation }, maxRank: null })
  const engine = createOnnxEngine({ precision: options.precision === 'int8' ? 'int8' : 'fp32' })
  const tokens = (examples: Shards['test']) => tokenizeExamples(examples, tokenizer, training.maxTokens).tokenized
  const test = tokens(shuffled(shards, options.seed).test)
  const nodes = shards.nodes.map(({ examples, liar }): BenchNode => {
    const { train, heldOut } = holdOut(examples, HELD_OUT_SHARE, 'veto')
    return { examples: tokens(examples), train: tokens(train), heldOut: tokens(heldOut), liar }
  })
  const slices =
    shards.probe.length < options.rounds
      ? []
      : probeSlices(shards.probe, options.rounds, options.sliceExamples, options.seed).map((slice) =>
          packForEvaluation(tokens(slice), training.maxTokens),
        )
  const inference = await engine.openInference({ model, layout, threads })
  const trainers = new Map<string, Trainer>()
  const dp = dpOf(privacy)
  const releases =
    dp === undefined ? null : nodes.map(({ examples }) => releaseFor(dp, training, examples.length, options.rounds))
  /** one for all nodes: as far as the one with the coarsest grid must clip */
  const clipping = (factors: readonly LoraFactor[]): PerExample | undefined => {
    if (dp?.unit !== 'example' || releases === null) return undefined
    const size = trainedSize(layout, factors)
    const all = releases.map((release) => clippingOf(dp, release, training.batchExamples, size))
    return all.reduce((least, one) => (one.clip < least.clip ? one : least))
  }
  const trainerFor = async (factors: readonly LoraFactor[], directions: number): Promise<Trainer> => {
    const key = `${factors.join('')} ${directions}`
    const known = trainers.get(key)
    if (known !== undefined) return known
    const trainable = { kind: 'lora', layout, factors, ...(directions < adapter.rank && { directions }) } as const
    const perExample = clipping(factors)
    const trainer = await engine.openTrainer({
      model,
      trainable,
      optimizer: optimizerOf(training),
      threads,
      seed: 1,
      ...(perExample && { perExample }),
    })
    trainers.set(key, trainer)
    return trainer
  }

  /** The first round starts at the same adapter in every run: what a node learns of the same examples there is known after one. */
  const firsts = new WeakMap<readonly TokenizedExample[], Map<string, { change: Float32Array; kept: OptimizerState }>>()

  /** @returns what training changed, (layout.size) */
  const train = async (
    node: number,
    examples: readonly TokenizedExample[],
    round: number,
    global: Float32Array,
    moments: Map<string, OptimizerState>,
  ): Promise<Float32Array> => {
    const factors = aggregator.trainedFactors(round)
    const first = firsts.get(examples)?.get(`${node}`)
    if (round === 1 && first !== undefined) {
      moments.set(`${node} ${factors.join('')}`, first.kept)
      return first.change.slice()
    }
    const trainer = await trainerFor(factors, directionsOfNode(node))
    trainer.setParameters(global)
    // as a node does: AdamW's moments of the same factors' last training are kept
    const key = `${node} ${factors.join('')}`
    const kept = moments.get(key)
    if (kept !== undefined) trainer.restoreOptimizer(kept)
    const batcher = createBatcher(examples, {
      batchExamples: training.batchExamples,
      maxTokens: training.maxTokens,
      seed: `${options.seed} ${node} ${round}`,
    })
    const release = releases?.[node]
    const loop = trainLoop({
      trainer,
      ...(dp?.unit === 'example' && release
        ? privateSteps(examples, dp, release, trainedSize(layout, factors), randomBytes)
        : { nextBatch: () => batcher.next() }),
      steps: training.steps,
      clock: systemClock,
      learningRate: (step) =>
        learningRateAt(training, step, (round - 1) * training.steps + step, options.rounds * training.steps),
    })
    for await (const _ of loop);
    const state = trainer.optimizerState()
    moments.set(key, state)
    const change = trainer.parameters().map((x, i) => x - (global[i] as number))
    if (round === 1 && !dp) {
      const known = firsts.get(examples) ?? new Map()
      firsts.set(examples, known.set(`${node}`, { change: change.slice(), kept: state }))
    }
    return dp?.unit === 'node' && release ? noisedDelta(layout, factors, change, dp, release, randomBytes) : change
  }

  return {
    model,
    tokenizer,
    training,
    scoring,
    inference,
    layout,
    initial: initialAdapter(layout).values,
    aggregation,
    releases,
    testCount: test.length,
    nodes,
    slices,
    test,
    async *run(encoding, interference) {
      const outer = interference === undefined ? aggregation : { ...aggregation, robust: interference.robust }
      const data = interference?.examples ?? nodes.map((node) => node.examples)
      const { random } = shuffled(shards, options.seed)
      const moments = new Map<string, OptimizerState>()
      const residuals = new Map<string, { readonly round: number; readonly values: Float32Array }>()
      let global = initialAdapter(layout).values
      let before: Float32Array | null = null
      let remembered: Moments | null = null
      let rememberedBefore: Moments | null = null
      for (let round = 1; round <= options.rounds; round++) {
        const factors = aggregator.trainedFactors(round)
        const drawn = shuffle([...data.keys()], random).filter((node) => !interference?.judge?.barred(node))
        // the chain opens no round for fewer
        if (drawn.length < 2) break
        const judges = interference?.judge === undefined ? 0 : Math.min(options.voters, Math.floor(drawn.length / 2))
        const seats = drawn.slice(0, Math.min(options.proposers, drawn.length - judges))
        const voters = drawn.slice(seats.length, seats.length + judges)
        const trained: Float32Array[] = []
        for (const node of seats) trained.push(await train(node, data[node] ?? [], round, global, moments))
        const published = interference?.publish(trained, seats, round) ?? trained
        const deltas: (Float32Array | null)[] = []
        const sizes: number[] = []
        for (const [i, node] of seats.entries()) {
          const values = (published[i] as Float32Array).slice()
          const key = `${node} ${factors.join('')}`
          const residual = residuals.get(key)
          if (residual !== undefined && round - residual.round <= RESIDUAL_ROUNDS)
            residual.values.forEach((x, i) => {
              values[i]! += x
            })
          const delta = { layout, factors, values, directions: directionsOfNode(node) }
          const bytes = encodeDelta(delta, encoding)
          if (encodingNamed(encoding).feedback > 0)
            residuals.set(key, { round, values: residualOf(delta, bytes, encoding) })
          deltas.push(
            usable(() => decodeDelta(bytes, layout, { encoding, factors, directions: { least, most } }).values),
          )
          sizes.push(bytes.byteLength)
        }
        const open = (seated: readonly number[], before: Float32Array | null, leftOut: number): OuterStep =>
          openStep({
            aggregator,
            outer,
            layout,
            base: global,
            before,
            moments: remembered,
            deltas: seated.map((i) => deltas[i] as Float32Array),
            weights: seated.map(() => 1),
            leftOut,
            directions: seated.map((i) => directionsOfNode(seats[i] as number)),
            round,
          })
        const here = deltas.flatMap((delta, i) => (delta === null ? [] : [i]))
        let step = open(here, before, 0)
        const unsettled = { round, seats, voters, usable: here, incumbent: global, before, step }
        const verdict = await interference?.judge?.judge(unsettled)
        const { included, rolledBack } = verdict ?? { included: deltas.map((d) => d !== null), rolledBack: false }
        const shares = deltas.map(() => 0)
        if (rolledBack && before !== null) {
          // its deltas were trained from the adapter that goes; both fall back to what that was built on
          global = before
          remembered = rememberedBefore
        } else {
          const counted = here.filter((i) => included[i])
          if (counted.length < here.length) step = open(counted, before, here.length - counted.length)
          step.shares.forEach((share, k) => {
            shares[counted[k] as number] = share
          })
          before = global
          global = step.next
          rememberedBefore = remembered
          remembered = step.moments
        }
        // a change that was refused is not sent in instalments (node/residual.ts)
        seats.forEach((node, i) => {
          if (rolledBack || !included[i]) residuals.delete(`${node} ${factors.join('')}`)
        })
        yield { round, global, sizes, seats, shares, deltas, included, rolledBack }
      }
    },
    async *pooled(steps) {
      const { values } = yield* trainAlone({
        engine,
        model,
        layout,
        factors: aggregator.trainedFactors(1),
        start: initialAdapter(layout).values,
        training,
        examples: nodes.flatMap((node) => node.examples),
        steps,
        threads,
        seed: String(options.seed),
        clock: systemClock,
      })
      return values
    },
    evaluate(values, count) {
      inference.setAdapter(values)
      return inference.evaluate(packForEvaluation(test.slice(0, count), training.maxTokens))
    },
    async close() {
      for (const trainer of trainers.values()) await trainer.close()
      await inference.close()
    },
  }
}

/** null for what a node would not take. */
function usable(read: () => Float32Array): Float32Array | null {
  try {
    return read()
  } catch (error) {
    if (isCoveyError(error, 'E_DELTA')) return null
    throw error
  }
}

/** The held-out examples in the seed's order, and the random numbers that the seats are drawn with. */
function shuffled(shards: Shards, seed: number): { test: Shards['test']; random: Random } {
  const random = seededRandom(`bench ${seed}`)
  return { test: shuffle([...shards.test], random), random }
}
