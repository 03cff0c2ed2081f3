/**
 * What the network is compared with: the base, each node alone on its own shard with as many steps as the rounds had, and one
 * model on all shards pooled with the same total of steps. Same settings, same start, same held-out set.
 */

import { trainAlone } from '../../../node/train-alone.ts'
import { decodeAdapter } from '../../../src/adapter/delta.ts'
import { seededRandom, shuffle } from '../../../src/base/random.ts'
import { packForEvaluation } from '../../../src/data/batches.ts'
import { tokenizeExamples } from '../../../src/data/tokenize.ts'
import type { Adapter, LoraLayout } from '../../../src/types/adapter.ts'
import type { Aggregator } from '../../../src/types/aggregate.ts'
import type { Clock } from '../../../src/types/clock.ts'
import type { Example, TokenizedExample, Tokenizer } from '../../../src/types/data.ts'
import type { InferenceEngine, TrainingEngine } from '../../../src/types/engine.ts'
import type { BaseModel } from '../../../src/types/model.ts'
import type { TaskSpec } from '../../../src/types/spec.ts'
import type { Measured } from './result.ts'
import type { Shards } from './shards.ts'

export interface CompareOptions {
  readonly engine: TrainingEngine & InferenceEngine
  readonly model: BaseModel
  readonly tokenizer: Tokenizer
  readonly clock: Clock
  readonly spec: TaskSpec
  readonly initial: Adapter<LoraLayout>
  readonly aggregator: Aggregator
  readonly shards: Shards
  readonly rounds: number
  readonly proposers: number
  readonly seed: number
  readonly say: (text: string) => void
}

/** Measures adapters on the held-out set, always the same examples in the same order. */
export class Yardstick {
  readonly #options: CompareOptions
  readonly #test: readonly TokenizedExample[]

  constructor(options: CompareOptions) {
    this.#options = options
    const order = shuffle([...options.shards.test], seededRandom(`test ${options.seed}`))
    this.#test = tokens(options, order)
  }

  get examples(): number {
    return this.#test.length
  }

  /** @param jobs what to measure: null = the base, bytes = an adapter file; `count` = the first so many examples */
  async measure(
    jobs: readonly { readonly adapter: Float32Array | Uint8Array | null; readonly count: number }[],
  ): Promise<Measured[]> {
    const { engine, model, initial, spec } = this.#options
    const results: Measured[] = new Array(jobs.length)
    const next = queue(jobs.length)
    await bothCores(async () => {
      const inference = await engine.openInference({ model, layout: initial.layout, threads: 1 })
      for (let i = next(); i !== undefined; i = next()) {
        const { adapter, count } = jobs[i] as (typeof jobs)[number]
        inference.setAdapter(adapter instanceof Uint8Array ? decodeAdapter(adapter, initial.layout).values : adapter)
        const { loss, exactMatch } = await inference.evaluate(
          packForEvaluation(this.#test.slice(0, count), spec.training.maxTokens),
        )
        results[i] = { loss, exactMatch }
      }
      await inference.close()
    })
    return results
  }
}

export interface Comparison {
  /** (layout.size) per honest node, in the order of the shards */
  readonly local: readonly { readonly node: string; readonly values: Float32Array }[]
  readonly pooled: Float32Array
}

/** Trains what to compare with, two at a time on one core each, the longest first. */
export async function trainComparison(options: CompareOptions): Promise<Comparison> {
  const { shards, spec, rounds, proposers, say } = options
  const honest = shards.nodes.filter((n) => !n.liar && !n.idle)
  // a node sits in proposers/nodes of the rounds on average
  const alone = Math.round(
    (rounds * Math.min(proposers, shards.nodes.length) * spec.training.steps) / shards.nodes.length,
  )
  const together = rounds * Math.min(proposers, shards.nodes.length) * spec.training.steps
  const jobs = [
    { name: 'pooled', examples: honest.flatMap((n) => n.examples), steps: together },
    ...honest.map((n) => ({ name: n.name, examples: n.examples, steps: alone })),
  ]
  const results: Float32Array[] = new Array(jobs.length)
  const next = queue(jobs.length)
  await bothCores(async () => {
    for (let i = next(); i !== undefined; i = next()) {
      const job = jobs[i] as (typeof jobs)[number]
      results[i] = await trainOne(options, job)
      say(`${job.name === 'pooled' ? 'pooled' : `${job.name} alone`}: ${job.steps} steps done`)
    }
  })
  return {
    local: honest.map((n, i) => ({ node: n.name, values: results[i + 1] as Float32Array })),
    pooled: results[0] as Float32Array,
  }
}

async function trainOne(
  options: CompareOptions,
  job: { readonly name: string; readonly examples: readonly Example[]; readonly steps: number },
): Promise<Float32Array> {
  const { engine, model, initial, aggregator, spec, clock } = options
  const loop = trainAlone({
    engine,
    model,
    layout: initial.layout,
    // a rule that alternates factors between rounds trains both when there are no rounds
    factors: spec.aggregation.rule === 'alternating' ? ['A', 'B'] : aggregator.trainedFactors(1),
    start: initial.values,
    training: spec.training,
    examples: tokens(options, job.examples),
    steps: job.steps,
    threads: 1,
    seed: `${job.name} ${options.seed}`,
    clock,
  })
  for (;;) {
    const item = await loop.next()
    if (item.done === true) return item.value.values
  }
}

const tokens = (options: CompareOptions, examples: readonly Example[]): readonly TokenizedExample[] =>
  tokenizeExamples(examples, options.tokenizer, options.spec.training.maxTokens).tokenized

/** Numbers 0 … count−1, each handed out once. */
function queue(count: number): () => number | undefined {
  let at = 0
  return () => (at < count ? at++ : undefined)
}

/** Two workers: quickstart is measured on two cores, and more would fight over memory on a laptop. */
async function bothCores(work: () => Promise<void>): Promise<void> {
  await Promise.all([work(), work()])
}
