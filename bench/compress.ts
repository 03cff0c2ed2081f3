/**
 * What smaller deltas cost: for each encoding the bytes that a node sends in a round, and the exact match at the end beside
 * float32's, on the same seeds (same data, seats and batches).
 *
 *   node bench/compress.ts [--encodings f32,int8,int4,topk-10] [--seeds 1,2] [--rounds 12 --steps 24 …] [--data FILE …] [--json]
 *     [--write NAME]   docs/results/compress/NAME.json, after each run; what is there of the same rounds is not run again
 *
 * `bytesRatio` is the mean size of a delta as published, header included, over the size of both factors, A and B, of the
 * same adapter in float32; where A is frozen, leaving it out is part of what is saved. `pointsLost` is float32's exact match
 * minus the encoding's on all held-out examples, percentage points, mean over the seeds.
 */
import { parseArgs } from 'node:util'
import { maxDeltaBytes } from '../src/adapter/delta.ts'
import { encodingNamed } from '../src/adapter/encodings/registry.ts'
import { CoveyError } from '../src/base/errors.ts'
import type { DeltaEncoding } from '../src/types/adapter.ts'
import { benchOptions, quickstartOptionsFrom } from './quickstart-options.ts'
import { askedFor, readResult, writeResult } from './results-file.ts'
import { openRounds } from './rounds.ts'

const DEFAULT = 'int8,int8-zstd,int4,sign,topk-5,topk-8,topk-10,topk-20,topk-50,topk-100'

const { values: a } = parseArgs({
  options: {
    ...benchOptions,
    encodings: { type: 'string', default: DEFAULT },
    seeds: { type: 'string', default: '1' },
    write: { type: 'string' },
  },
})
/** float32 first: the others are held against it */
const encodings = ['f32', ...a.encodings.split(',').filter((name) => name !== 'f32')].map(
  (name): DeltaEncoding => encodingNamed(name).name,
)
const seeds = a.seeds.split(',').map((text) => {
  if (/^\d{1,9}$/.test(text)) return text
  throw new CoveyError('E_ARGUMENT', `--seeds: expected whole numbers with commas between them, got ${a.seeds}`)
})

interface Run {
  readonly seed: string
  readonly encoding: DeltaEncoding
  /** of one delta, mean of the run */
  readonly bytes: number
  readonly exactMatch: number
  readonly loss: number
  readonly seconds: number
}

const log = (text: string): void => void process.stderr.write(`${text}\n`)
const mean = (numbers: readonly number[]): number => numbers.reduce((sum, x) => sum + x, 0) / numbers.length
/** What was asked for beside which encodings and seeds: it makes runs comparable. */
const work = (args: readonly string[]): string =>
  args.filter((arg, i) => ![arg, args[i - 1]].some((x) => x === '--encodings' || x === '--seeds')).join(' ')
const before = a.write === undefined ? null : readResult<ReturnType<typeof result>>('compress', a.write)
const runs: Run[] = before !== null && work(before.args) === work(askedFor()) ? [...before.runs] : []
const done = (seed: string, encoding: DeltaEncoding): boolean =>
  runs.some((run) => run.seed === seed && run.encoding === encoding)
let fullBytes = 0
let examples = 0

for (const seed of seeds) {
  const rounds = await openRounds(quickstartOptionsFrom({ ...a, seed }), Number(a.threads))
  fullBytes = maxDeltaBytes(rounds.layout, 'f32', ['A', 'B'])
  examples = rounds.testCount
  for (const encoding of encodings) {
    if (done(seed, encoding)) continue
    const start = performance.now()
    const sizes: number[] = []
    let last: Float32Array | undefined
    for await (const round of rounds.run(encoding)) {
      sizes.push(...round.sizes)
      last = round.global
    }
    const { exactMatch, loss } = await rounds.evaluate(last as Float32Array, examples)
    const seconds = (performance.now() - start) / 1000
    runs.push({ seed, encoding, bytes: mean(sizes), exactMatch, loss, seconds })
    log(
      `seed ${seed} ${encoding.padEnd(9)} ${mean(sizes).toFixed(0).padStart(9)} bytes a delta, exact ${(100 * exactMatch).toFixed(1)} %, loss ${loss.toFixed(3)}, ${seconds.toFixed(0)} s`,
    )
    writeResult('compress', a.write, result())
  }
  await rounds.close()
}

/** Of the runs so far: a seed counts where float32 and the encoding have both been run. */
function result() {
  const of = (encoding: DeltaEncoding): readonly Run[] => runs.filter((run) => run.encoding === encoding)
  const rows = [...new Set(runs.map(({ encoding }) => encoding))].flatMap((encoding) => {
    const pairs = of(encoding).flatMap((run) => {
      const full = of('f32').find(({ seed }) => seed === run.seed)
      return full === undefined ? [] : [{ run, full }]
    })
    if (pairs.length === 0) return []
    return {
      encoding,
      bytesRatio: mean(pairs.map(({ run }) => run.bytes)) / fullBytes,
      pointsLost: 100 * mean(pairs.map(({ run, full }) => full.exactMatch - run.exactMatch)),
    }
  })
  return { rows, fullBytes, examples, args: askedFor(), runs }
}

if (a.json) {
  process.stdout.write(`${JSON.stringify(result())}\n`)
} else {
  log(`\nboth factors in float32: ${fullBytes} bytes; ${examples} held-out examples, seeds ${seeds.join(', ')}\n`)
  for (const { encoding, bytesRatio, pointsLost } of result().rows)
    process.stdout.write(
      `${encoding.padEnd(9)} 1/${(1 / bytesRatio).toFixed(1).padEnd(7)} ${pointsLost.toFixed(1).padStart(6)} points lost\n`,
    )
}
