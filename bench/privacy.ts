/**
 * What privacy costs and what it hides: for each ε the exact match at the end, what an attacker finds out of one node's published
 * deltas (bench/privacy/leaks.ts), and what a step of DP-SGD takes over one without.
 *
 *   node bench/privacy.ts [--epsilons none,32,8,2] [--units example,node] [--steps-timed 20] [--nodes 6 --rounds 12 --batch 32 …] [--json]
 *     [--write NAME]   docs/results/privacy/NAME.json, after each run
 *
 * `epsilon` null is a run without clipping and noise. `spent` is the largest that a node has spent, at delta 1e-5. The attacked node
 * has a seat in every round; canaries are in its examples once, or as often as --copies says.
 */
import { parseArgs } from 'node:util'
import { aggregatorFor } from '../src/aggregate/registry.ts'
import { CoveyError } from '../src/base/errors.ts'
import { seededRandom, shuffle } from '../src/base/random.ts'
import { epsilonOf } from '../src/privacy/accounting/account.ts'
import { type Leaks, makeCanaries, measureLeaks, withCanaries } from './privacy/leaks.ts'
import { measureStepRatio } from './privacy/step-ratio.ts'
import { benchOptions, quickstartOptionsFrom } from './quickstart-options.ts'
import { askedFor, writeResult } from './results-file.ts'
import { openRounds } from './rounds.ts'

const { values: a } = parseArgs({
  options: {
    ...benchOptions,
    epsilons: { type: 'string', default: 'none,32,8,2' },
    units: { type: 'string', default: 'example,node' },
    copies: { type: 'string', default: '1,1,1,1,8,8,8,8' },
    attacked: { type: 'string', default: '100' },
    'steps-timed': { type: 'string', default: '20' },
    // noise is the same however many examples a step has: more of them are less noise each
    batch: { type: 'string', default: '32' },
    // the noise's norm grows with the number of values
    rank: { type: 'string', default: '4' },
    alpha: { type: 'string', default: '4' },
    write: { type: 'string' },
  },
})
const DELTA = 1e-5
const log = (text: string): void => void process.stderr.write(`${text}\n`)
const listOf = (text: string): string[] => text.split(',').filter((word) => word !== '')
const copies = listOf(a.copies).map(Number)
const units = listOf(a.units).map((unit): 'example' | 'node' => {
  if (unit === 'example' || unit === 'node') return unit
  throw new CoveyError('E_ARGUMENT', `--units: expected example or node, got ${unit}`)
})

interface Row extends Leaks {
  readonly unit: 'example' | 'node' | null
  readonly epsilon: number | null
  readonly spent: number | null
  /** largest of the nodes' noise multipliers */
  readonly noise: number | null
  readonly exactMatch: number
  readonly loss: number
  readonly seconds: number
}

interface Run {
  readonly unit: 'example' | 'node' | null
  readonly epsilon: string | null
}
const runs = listOf(a.epsilons).flatMap((epsilon): readonly Run[] =>
  epsilon === 'none' ? [{ unit: null, epsilon: null }] : units.map((unit) => ({ unit, epsilon })),
)
const rows: Row[] = []
let dpSgdStepRatio: number | null = null
for (const { unit, epsilon } of runs) {
  const start = performance.now()
  const options = quickstartOptionsFrom({
    ...a,
    // every node in every round
    proposers: a.nodes,
    ...(epsilon === null || unit === null ? {} : { dp: epsilon, 'dp-unit': unit }),
  })
  const rounds = await openRounds(options, Number(a.threads))
  const random = seededRandom(`leaks ${a.seed}`)
  const canaries = makeCanaries(rounds.tokenizer, random, copies)
  const own = rounds.nodes.map((node) => node.examples)
  // half of the attacked texts are trained on, half are not: nothing else tells them apart
  const first = shuffle([...(own[0] ?? [])], random)
  const count = Math.min(Number(a.attacked), Math.floor(first.length / 4))
  const [strangers, kept] = [first.slice(0, count), first.slice(count)]
  const examples = [withCanaries(kept, canaries, random), ...own.slice(1)]
  let last: Float32Array = rounds.initial
  let published = rounds.initial
  let before: Float32Array | null = null
  for await (const done of rounds.run(options.encoding, {
    examples,
    publish: (trained) => trained,
    robust: options.robust,
  })) {
    const delta = done.deltas[done.seats.indexOf(0)] as Float32Array
    // what the node itself would hold: where it started from, and what it published
    const from = before ?? rounds.initial
    published = delta.map((x, i) => x + (from[i] as number))
    before = done.global
    last = done.global
  }
  const { exactMatch, loss } = await rounds.evaluate(last, options.evalExamples)
  const leaks = await measureLeaks({
    inference: rounds.inference,
    published,
    members: kept.slice(0, count),
    strangers,
    canaries,
    maxTokens: rounds.training.maxTokens,
  })
  const releases = rounds.releases
  const spent =
    releases && Math.max(...releases.map((r) => epsilonOf([{ ...r, steps: r.steps * options.rounds }], DELTA)))
  const noise = releases && Math.max(...releases.map((r) => r.noise))
  const seconds = (performance.now() - start) / 1000
  rows.push({
    unit,
    epsilon: epsilon === null ? null : Number(epsilon),
    spent,
    noise,
    exactMatch,
    loss,
    seconds,
    ...leaks,
  })
  log(line(rows.at(-1) as Row))
  if (dpSgdStepRatio === null && Number(a['steps-timed']) > 0) {
    const timed = await measureStepRatio({
      model: rounds.model,
      layout: rounds.layout,
      factors: aggregatorFor(options.rule).trainedFactors(1),
      training: rounds.training,
      examples: rounds.nodes.flatMap((node) => node.examples),
      threads: Number(a.threads),
      steps: Number(a['steps-timed']),
    })
    dpSgdStepRatio = timed.ratio
    log(
      `a step takes ${timed.private_ms.toFixed(0)} ms with clipping and noise, ${timed.plain_ms.toFixed(0)} ms without: ${timed.ratio.toFixed(2)} ×`,
    )
  }
  await rounds.close()
  writeResult('privacy', a.write, result())
}
if (a.json) process.stdout.write(`${JSON.stringify(result())}\n`)

function result() {
  return { dpSgdStepRatio, rows, delta: DELTA, rounds: Number(a.rounds), args: askedFor() }
}

function line(row: Row): string {
  const what =
    row.epsilon === null ? 'no noise' : `${row.unit}, epsilon ${row.epsilon} (noise ${row.noise?.toFixed(2)})`
  const planted = row.canaries.map(
    (c) => `canary ${c.copies} × exposure ${c.exposure.toFixed(1)} bits, extracted ${(100 * c.extracted).toFixed(0)} %`,
  )
  return `${what}: exact ${(100 * row.exactMatch).toFixed(1)} %, loss ${row.loss.toFixed(3)}, membership ${row.membershipAuc.toFixed(3)}, ${planted.join(', ')}, ${row.seconds.toFixed(0)} s`
}
