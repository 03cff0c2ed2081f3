/**
 * What it pays to be honest: many rounds of the contracts' own settlement (src/round) among honest nodes and one kind that
 * saves itself the work, or a cohort that colludes. Votes are drawn from the medians of recorded quickstarts; seeded.
 * The model, and what it leaves out: docs/economy.md.
 *
 *   npm run bench:economy [-- --rounds 500 --nodes 20 --seeds 6 --proposers 4 --voters 2]
 *                         [--write NAME]   docs/results/economy/NAME.json and docs/economy-NAME.svg
 */
import { parseArgs } from 'node:util'
import { MIN_STAKE, POOL_PER_ROUND, quickstartTerms, STAKE } from '../cli/cmds/quickstart/spec.ts'
import { lineChart } from '../cli/line-chart.ts'
import { CoveyError } from '../src/base/errors.ts'
import { type Holder, type MarketOptions, runMarket } from './economy/market.ts'
import { JITTER, type Kind } from './economy/nodes.ts'
import { recordedRounds } from './economy/recorded.ts'
import type { EconomyRow } from './economy/row.ts'
import { benchOptions, quickstartOptionsFrom } from './quickstart-options.ts'
import { askedFor, writePicture, writeResult } from './results-file.ts'

/** Of a delegator's operator. */
const COMMISSION_BPS = 1_000
/** What a copied delta is worth of an honest one: nothing, half, or the same. */
const COPY_WORTH = [0, 0.5, 1]
const COHORT_SHARES = [0.1, 0.2, 0.3, 0.4, 0.49]
/** A cohort's share needs as many nodes to be exact. */
const COHORT_NODES = 100
/** Voters' seats beside the given ones that a cohort is tried against. */
const MORE_VOTERS = [5, 9, 15]
const CHART_POINTS = 200

const { values: a } = parseArgs({
  options: {
    rounds: { type: 'string', default: '500' },
    nodes: { type: 'string', default: '20' },
    seeds: { type: 'string', default: '6' },
    proposers: { type: 'string', default: '4' },
    voters: { type: 'string', default: '2' },
    write: { type: 'string' },
  },
})
function whole(name: 'rounds' | 'nodes' | 'seeds' | 'proposers' | 'voters'): number {
  const value = Number(a[name])
  if (!Number.isSafeInteger(value) || value < 1)
    throw new CoveyError('E_ARGUMENT', `--${name}: expected a whole number from 1 up, got ${JSON.stringify(a[name])}`)
  return value
}
const [rounds, nodes, seeds] = [whole('rounds'), whole('nodes'), whole('seeds')]
const [proposers, voters] = [whole('proposers'), whole('voters')]
const recorded = recordedRounds()
const { rules } = quickstartTerms(quickstartOptionsFrom(parseArgs({ args: [], options: benchOptions }).values))

const common: Omit<MarketOptions, 'kinds' | 'seed'> = {
  stake: STAKE,
  delegated: 0n,
  commissionBps: COMMISSION_BPS,
  rounds,
  perRound: POOL_PER_ROUND,
  proposers,
  voters,
  minStake: MIN_STAKE,
  rules,
  recorded,
  copyWorth: 0,
}
const rows: EconomyRow[] = []
const lines: { name: string; values: readonly number[] }[] = []

/** Runs one setting under all seeds and notes what became of each kind. @returns the holders of the first seed */
function trial(setting: string, kinds: readonly Kind[], change: Partial<MarketOptions> = {}): readonly Holder[] {
  const runs = Array.from({ length: seeds }, (_, seed) =>
    runMarket({ ...common, ...change, kinds, seed: `${setting}/${seed}` }),
  )
  const first = runs[0] ?? []
  for (const kind of new Set(first.map((holder) => holder.kind))) {
    const begun = kind === 'delegator' ? (change.delegated ?? 0n) : STAKE
    const part = (wei: bigint): number => Number(wei) / Number(begun)
    const lots = runs.map((holders) => {
      const own = holders.filter((holder) => holder.kind === kind)
      const mean = (of: (holder: Holder) => number): number => own.reduce((sum, h) => sum + of(h), 0) / own.length
      const [earned, left] = [mean((h) => part(h.rewards.at(-1) ?? 0n)), mean((h) => part(h.stakes.at(-1) ?? 0n))]
      const seats = own.reduce((sum, h) => sum + h.seats, 0)
      const included = seats === 0 ? null : own.reduce((sum, h) => sum + h.included, 0) / seats
      return { earned: (100 * earned) / rounds, net: (100 * (earned + left - 1)) / rounds, slashed: 1 - left, included }
    })
    const mean = (of: (lot: (typeof lots)[number]) => number): number =>
      lots.reduce((sum, lot) => sum + of(lot), 0) / lots.length
    const net = mean((lot) => lot.net)
    rows.push({
      setting,
      kind,
      voters: change.voters ?? voters,
      share: kinds.filter((k) => k === kind).length / kinds.length,
      net,
      error: Math.sqrt(mean((lot) => (lot.net - net) ** 2) / Math.max(1, lots.length - 1)),
      earned: mean((lot) => lot.earned),
      slashed: mean((lot) => lot.slashed),
      included: lots.some((lot) => lot.included === null) ? null : mean((lot) => lot.included ?? 0),
    })
  }
  return first
}

/** A holder's tokens round by round, percent of what it began with. */
function draw(name: string, holders: readonly Holder[], kind: Holder['kind'], begun = STAKE): void {
  const own = holders.filter((holder) => holder.kind === kind)
  const step = Math.max(1, Math.floor(rounds / CHART_POINTS))
  const values: number[] = []
  for (let round = 0; round < rounds; round += step) {
    const held = own.reduce(
      (sum, h) => sum + (h.rewards[round] ?? h.rewards.at(-1) ?? 0n) + (h.stakes[round] ?? 0n),
      0n,
    )
    values.push((100 * Number(held)) / Number(begun) / own.length)
  }
  lines.push({ name, values })
}

const rest = (kind: Kind, count: number, all: number): readonly Kind[] => [
  ...Array<Kind>(all - count).fill('honest'),
  ...Array<Kind>(count).fill(kind),
]

draw('honest', trial('all honest', rest('honest', 0, nodes)), 'honest')
const backed = trial('one delegator', rest('honest', 0, nodes), { delegated: STAKE })
draw('delegator', backed, 'delegator')
for (const kind of ['noise', 'zeros', 'flip'] as const) {
  const holders = trial(`one publishes ${kind}`, rest(kind, 1, nodes))
  draw(kind, holders, kind)
}
for (const copyWorth of COPY_WORTH) {
  const holders = trial(`one copies, worth ${copyWorth}`, rest('copier', 1, nodes), { copyWorth })
  if (copyWorth === 0.5) draw('copier', holders, 'copier')
}
for (const kind of ['quiet', 'loud'] as const)
  for (const seats of [voters, ...MORE_VOTERS.filter((count) => count > voters)])
    for (const share of COHORT_SHARES)
      trial(`a ${kind} cohort`, rest(kind, Math.round(share * COHORT_NODES), COHORT_NODES), { voters: seats })

const run = {
  args: askedFor(),
  rounds,
  nodes,
  seeds,
  proposers,
  voters,
  jitter: JITTER,
  commissionBps: COMMISSION_BPS,
  stake: String(STAKE),
  perRound: String(POOL_PER_ROUND),
  cohortNodes: COHORT_NODES,
  recorded: Object.fromEntries(Object.entries(recorded).map(([conduct, list]) => [conduct, list.length])),
  rows,
}
for (const row of rows)
  process.stderr.write(
    `${row.setting}, ${row.voters} voters, ${(100 * row.share).toFixed(0)} % of stake, ${row.kind}: net ${row.net.toFixed(4)} ± ${row.error.toFixed(4)} %, earned ${row.earned.toFixed(4)} %, slashed ${(100 * row.slashed).toFixed(1)} %, included ${row.included === null ? '-' : (100 * row.included).toFixed(1)} %\n`,
  )
writeResult('economy', a.write, run)
if (a.write === undefined) console.log(JSON.stringify(run))
else {
  const chart = {
    title: 'stake and rewards, of 100 at the beginning',
    xLabel: `every ${Math.max(1, Math.floor(rounds / CHART_POINTS))} of ${rounds} rounds`,
    series: lines,
  }
  writePicture(`economy-${a.write}`, lineChart(chart))
}
