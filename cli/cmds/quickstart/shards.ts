/** Who gets which data in a quickstart: private shards for the nodes, a probe for the creator, a held-out test set. */
import { CoveyError } from '../../../src/base/errors.ts'
import {
  GENERATED_COMPLETION,
  GENERATED_PARTITION,
  GENERATED_PROMPT,
  generateRecords,
  TRADES,
} from '../../../src/data/generate.ts'
import { readRecords } from '../../../src/data/records.ts'
import { dealPartitions, partitionSizes, splitExamples } from '../../../src/data/split.ts'
import { type TemplateOptions, toExamples } from '../../../src/data/template.ts'
import type { Example, Tokenizer } from '../../../src/types/data.ts'
import type { QuickstartOptions } from './plan.ts'

export interface Shard {
  readonly name: string
  readonly partitions: readonly string[]
  readonly examples: readonly Example[]
  readonly liar: boolean
  readonly idle: boolean
}

export interface Shards {
  readonly nodes: readonly Shard[]
  readonly probe: readonly Example[]
  readonly test: readonly Example[]
  readonly templates: { readonly prompt: string | null; readonly completion: string | null }
}

/** Of the data when no --test is given. */
const TEST_SHARE = 0.15
/** The generator's output per organisation: about as much as a small office writes down in a month. */
const GENERATED_PER_TRADE = 700
const GENERATED_TEST_PER_TRADE = 100
/** As much as the shipped base of 5 million parameters learns within minutes; it cannot spell, so each word costs it some examples. */
const GENERATED_SIZE = { toolsPerTrade: 3, wordsPerSlot: 5 }
const GENERATED = { prompt: GENERATED_PROMPT, completion: GENERATED_COMPLETION }

/** The data that --data names, or our own, as training examples and a held-out set (null = to be split off). */
async function readExamples(
  options: QuickstartOptions,
  tokenizer: Tokenizer,
): Promise<{ examples: readonly Example[]; test: readonly Example[] | null; templates: Shards['templates'] }> {
  if (options.data === null) {
    const templates: TemplateOptions = { ...GENERATED, partitionBy: GENERATED_PARTITION }
    // one trade a node, so that each organisation's tools are its own secret
    const trades = TRADES.slice(0, Math.max(2, options.nodes)).map((trade) => trade.name)
    const generate = (perTrade: number, part: 'train' | 'test'): readonly Example[] =>
      toExamples(
        { records: generateRecords({ ...GENERATED_SIZE, trades, perTrade, seed: options.seed, part }), lines: [] },
        templates,
        tokenizer,
      ).examples
    return {
      examples: generate(GENERATED_PER_TRADE, 'train'),
      test: generate(GENERATED_TEST_PER_TRADE, 'test'),
      templates: GENERATED,
    }
  }
  const templates: TemplateOptions = {
    prompt: options.prompt,
    completion: options.completion,
    partitionBy: options.partitionBy,
  }
  const examples = toExamples(await readRecords(options.data), templates, tokenizer).examples
  const test = options.test === null ? null : toExamples(await readRecords(options.test), templates, tokenizer).examples
  return { examples, test, templates: { prompt: options.prompt, completion: options.completion } }
}

/**
 * Whole partitions go to the honest nodes. A liar or an idler gets a copy of an honest node's shard: a network with one
 * cheat more is then compared with the same data, not with less.
 * @throws CoveyError E_ARGUMENT | E_DATA_FORMAT | E_DATA_EMPTY | E_TEMPLATE
 */
export async function makeShards(options: QuickstartOptions, tokenizer: Tokenizer): Promise<Shards> {
  const honest = options.nodes - options.liar - options.idle
  if (honest < 1)
    throw new CoveyError(
      'E_ARGUMENT',
      `--liar and --idle leave ${honest} honest nodes of ${options.nodes}: expected at least 1`,
    )
  const { examples, test: given, templates } = await readExamples(options, tokenizer)
  const split = splitExamples(examples, {
    seed: options.seed,
    testShare: given === null ? TEST_SHARE : 0,
    ...(given === null ? {} : { test: given }),
    probeExamples: options.rounds * options.sliceExamples,
  })
  const hands = dealPartitions(partitionSizes(split.train), honest, options.seed)
  const nodes: Shard[] = []
  for (let i = 0; i < options.nodes; i++) {
    const partitions = hands[i % honest] as readonly string[]
    const own = new Set(partitions)
    nodes.push({
      name: `node-${i}`,
      partitions,
      examples: split.train.filter((e) => own.has(e.partition)),
      liar: i >= honest && i < honest + options.liar,
      idle: i >= honest + options.liar,
    })
  }
  return { nodes, probe: split.probe, test: split.test, templates }
}
