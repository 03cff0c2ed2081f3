/**
 * What aggregation costs: peak memory with a round's deltas in memory and out of files (a process each, bench/aggregate-memory.ts), the
 * weighted mean of the deltas in GB/s of float32 that go in, robust steps in front of it, and the
 * same in numpy as Flower does it (bench/peers/flower-aggregate.py; null where numpy is missing). One thread; times are processor
 * time, so that others on the machine count less, and the least of the repeats.
 *
 *   node bench/aggregate.ts [--deltas 32] [--rank 8] [--shape SmolLM2-135M] [--layers 30] [--repeats 5] [--json]
 */
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { initialAdapter } from '../src/adapter/layout.ts'
import { nextGlobal } from '../src/aggregate/outer-step.ts'
import { aggregatorFor } from '../src/aggregate/registry.ts'
import { deltaGram } from '../src/aggregate/robust/delta-gram.ts'
import type { AggregationRule, RobustStepName } from '../src/types/spec.ts'
import { benchLayout, randomDelta } from './aggregate-deltas.ts'

const { values: a } = parseArgs({
  options: {
    deltas: { type: 'string', default: '32' },
    rank: { type: 'string', default: '8' },
    shape: { type: 'string', default: 'SmolLM2-135M' },
    layers: { type: 'string' },
    repeats: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
})
const count = Number(a.deltas)
const repeats = Number(a.repeats)
const layout = benchLayout(a.shape, a.layers === undefined ? null : Number(a.layers), Number(a.rank))
const base = initialAdapter(layout).values

interface Row {
  readonly what: string
  readonly rule: AggregationRule | null
  readonly ms: number
  /** float32 of the trained factors that go in, over the time */
  readonly gbPerSecond: number
  /** over the time of the mean of the same factors */
  readonly overMean: number
}
const rows: Row[] = []

/** Processor time of one call, the least of the repeats, ms; the first, in which code is compiled, does not count. */
function timeOf(work: () => unknown): number {
  work()
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < repeats; i++) {
    const from = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(from)
    best = Math.min(best, (user + system) / 1000)
  }
  return best
}

const CHAINS: readonly (readonly RobustStepName[])[] = [
  ['clip', 'multi-krum'],
  ['drop-copies', 'geometric-median'],
  ['centred-clip'],
  ['median'],
]

function measure(rule: AggregationRule, deltaCount: number, chains: typeof CHAINS): void {
  const aggregator = aggregatorFor(rule)
  const factors = aggregator.trainedFactors(1)
  const deltas = Array.from({ length: deltaCount }, (_, i) => randomDelta(layout, factors, i))
  const trained = layout.entries.filter((e) => factors.includes(e.factor))
  const bytes = 4 * deltaCount * trained.reduce((sum, e) => sum + e.shape[0] * e.shape[1], 0)
  const next = (robust: readonly RobustStepName[]) =>
    nextGlobal({
      aggregator,
      outer: { outerRate: 1, outerMomentum: 0, robust },
      layout,
      base,
      before: null,
      deltas,
      weights: deltas.map((_, i) => 1 + (i % 3)),
      round: 1,
    })
  const mean = timeOf(() => next([]))
  const row = (what: string, ms: number): void => {
    rows.push({ what, rule, ms, gbPerSecond: bytes / 1e6 / ms, overMean: ms / mean })
    const last = rows.at(-1) as Row
    process.stderr.write(
      `${rule}, ${deltaCount} deltas of ${(bytes / deltaCount / 1e6).toFixed(1)} MB: ${what} ${ms.toFixed(0)} ms, ${last.gbPerSecond.toFixed(2)} GB/s, ${last.overMean.toFixed(1)} × the mean\n`,
    )
  }
  row('mean', mean)
  row(
    'inner products',
    timeOf(() => deltaGram(layout, base, deltas, factors)),
  )
  for (const chain of chains)
    row(
      chain.join(', '),
      timeOf(() => next(chain)),
    )
}

/** {"meanMs", "krumMs"} of Flower's FedAvg and Krum on as many numbers; null where python3 or numpy is missing. */
function peer(rule: AggregationRule): { readonly meanMs: number; readonly krumMs: number } | null {
  const factors = aggregatorFor(rule).trainedFactors(1)
  const shapes = layout.entries.filter((e) => factors.includes(e.factor)).map((e) => e.shape)
  const script = new URL('peers/flower-aggregate.py', import.meta.url).pathname
  const env = { ...process.env, OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' }
  const { status, stdout } = spawnSync('python3', [script, String(count), String(repeats)], {
    env,
    input: JSON.stringify(shapes),
  })
  return status === 0 ? JSON.parse(String(stdout)) : null
}

/** Deltas of smaller ranks would hide behind what Node itself takes. */
const MEMORY_RANK = 32

/** Peak memory of a process that aggregates deltas in memory, or out of files; null when it failed. */
function peak(mode: 'arrays' | 'files', steps: string): Memory | null {
  const script = new URL('aggregate-memory.ts', import.meta.url).pathname
  const layers = String(layout.entries.length / 2 / layout.lora.targets.length)
  const args = [script, mode, a.deltas, a.shape, layers, String(MEMORY_RANK), steps]
  const { status, stdout } = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', ...args])
  return status === 0 ? JSON.parse(String(stdout)) : null
}

interface Memory {
  readonly peakRssMb: number
  readonly ms: number
  readonly digest: string
}

const memory = ['-', 'clip,multi-krum'].map((steps) => {
  const [arrays, files] = [peak('arrays', steps), peak('files', steps)]
  process.stderr.write(
    `${steps === '-' ? 'mean' : steps}: peak ${arrays?.peakRssMb.toFixed(0)} MB with the deltas in memory, ${files?.peakRssMb.toFixed(0)} MB out of files, ${arrays?.digest === files?.digest ? 'the same bytes' : 'OTHER BYTES'}\n`,
  )
  return { steps, arrays, files }
})
measure('frozen-a', count, CHAINS)
measure('factor-mean', count, [['clip', 'multi-krum']])
const find = (what: string): Row => rows.find((r) => r.what === what && r.rule === 'frozen-a') as Row
const numpy = peer('frozen-a')
if (numpy === null) process.stderr.write('numpy: not there\n')
else
  process.stderr.write(
    `numpy, as Flower does it: mean ${numpy.meanMs.toFixed(0)} ms, Krum ${numpy.krumMs.toFixed(0)} ms\n`,
  )
if (a.json)
  process.stdout.write(
    `${JSON.stringify({ meanGBs: find('mean').gbPerSecond, chainOverMean: find('clip, multi-krum').overMean, rows, numpy, memory, memoryRank: MEMORY_RANK, shape: a.shape, layers: layout.entries.length / 2 / layout.lora.targets.length, rank: layout.lora.rank, deltas: count })}\n`,
  )
