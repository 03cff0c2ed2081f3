/** What it pays to be honest: the simulation's tables, and where honest does not earn most. */
import type { EconomyRow } from '../../bench/economy/row.ts'
import { commandLine } from './format.ts'

/** What `npm run bench:economy -- --write NAME` wrote. */
export interface EconomyRun {
  readonly args: readonly string[]
  readonly rounds: number
  readonly nodes: number
  readonly seeds: number
  readonly proposers: number
  readonly voters: number
  readonly jitter: number
  readonly commissionBps: number
  /** wei */
  readonly stake: string
  readonly perRound: string
  readonly cohortNodes: number
  /** rounds that were recorded, by conduct */
  readonly recorded: Readonly<Record<string, number>>
  readonly rows: readonly EconomyRow[]
}

const WEI = 1e18
/** Standard errors by which honest must lead to count as ahead. */
const CLEARLY = 2

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const pc = (x: number, digits = 1): string => `${x.toFixed(digits)} %`
const isCohort = ({ setting }: EconomyRow): boolean => setting.endsWith('cohort')

/** @param name of the picture docs/economy-NAME.svg */
export function economySection(name: string, run: EconomyRun): string {
  const { rows, rounds, nodes, seeds, proposers, voters, stake, perRound, recorded, cohortNodes } = run
  const tokens = (wei: string): string => String(Number(wei) / WEI)
  const honestOf = (one: EconomyRow): EconomyRow =>
    rows.find(
      (r) => r.kind === 'honest' && r.setting === one.setting && r.voters === one.voters && same(r, one),
    ) as EconomyRow
  const same = (a: EconomyRow, b: EconomyRow): boolean =>
    b.kind === 'delegator' || Math.abs(a.share + b.share - 1) < 1e-9 || a === b
  const others = rows.filter((r) => r.kind !== 'honest' && r.kind !== 'delegator')
  const wins = others.filter((r) => honestOf(r).net - r.net < CLEARLY * Math.hypot(r.error, honestOf(r).error))
  const singles = rows.filter((r) => !isCohort(r))
  const cohorts = rows.filter((r) => isCohort(r) && r.kind !== 'honest')
  const seats = [...new Set(cohorts.map((r) => r.voters))]
  const shares = [...new Set(cohorts.map((r) => r.share))]
  /** tokens a proposer's seat that honest work earns more */
  const perSeat = (r: EconomyRow): string =>
    ((((honestOf(r).net - r.net) / 100) * Number(stake)) / WEI / (proposers / nodes)).toFixed(1)

  const cohortTable = (kind: string): readonly string[] => [
    `A ${kind} cohort's net return a round, with the honest ones' beside it, by its share of all stake:`,
    '',
    row(['share', ...seats.map((n) => `${n} voters`)]),
    row(['---:', ...seats.map(() => '---:')]),
    ...shares.map((share) =>
      row([
        pc(100 * share, 0),
        ...seats.map((n) => {
          const one = cohorts.find((r) => r.kind === kind && r.voters === n && r.share === share)
          if (one === undefined) return ''
          const text = `${one.net.toFixed(2)} (${honestOf(one).net.toFixed(2)})`
          return wins.includes(one) ? `**${text}**` : text
        }),
      ]),
    ),
    '',
  ]

  return [
    `## economy: ${name}`,
    '',
    '```',
    commandLine('bench:economy', run.args),
    '```',
    '',
    `What this simulates and what it leaves out: [economy.md](economy.md). ${rounds} rounds under each of ${seeds} seeds, ${nodes} nodes (${cohortNodes} with a cohort) of ${tokens(stake)} tokens each, ${tokens(perRound)} tokens a round, ${proposers} proposers and ${voters} voters unless another number stands there, quickstart's rules; medians from ${Object.entries(
      recorded,
    )
      .map(([conduct, count]) => `${count} recorded rounds (${conduct})`)
      .join(
        ', ',
      )}. Returns are percent of the stake a round, before the costs of computing and of gas; ± is one standard error over the seeds.`,
    '',
    `![stake and rewards](economy-${name}.svg)`,
    '',
    '| setting | who | net | earned | stake slashed | seats included | honest work earns more, tokens a proposer’s seat |',
    '|---|---|---:|---:|---:|---:|---:|',
    ...singles.map((r) =>
      row([
        r.setting,
        r.kind,
        `${r.net.toFixed(3)} ± ${r.error.toFixed(3)}`,
        r.earned.toFixed(3),
        pc(100 * r.slashed),
        r.included === null ? '' : pc(100 * r.included),
        r.kind === 'honest' || r.kind === 'delegator' ? '' : perSeat(r),
      ]),
    ),
    '',
    'The last column is also the most that training for one seat may cost before that conduct pays better than honest work.',
    '',
    ...cohortTable('quiet'),
    ...cohortTable('loud'),
    wins.length === 0
      ? 'Honest nodes earn most everywhere.'
      : `Honest nodes do not clearly earn most in ${wins.length} of ${others.length} settings (bold above${
          wins.some((r) => !isCohort(r))
            ? `; without a cohort: ${wins
                .filter((r) => !isCohort(r))
                .map((r) => r.setting)
                .join(', ')}`
            : ''
        }). Fewest voters with whom no cohort of a share gains: ${shares
          .map((share) => {
            const safe = seats.filter((n) => !wins.some((r) => isCohort(r) && r.share === share && r.voters >= n))
            return `${pc(100 * share, 0)} ${safe.length === 0 ? 'none of these' : Math.min(...safe)}`
          })
          .join(', ')}.`,
  ].join('\n')
}
