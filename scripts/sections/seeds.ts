/** Quickstarts that differ in few settings, a line each: how far do they scatter? */
import { formatAmount } from '../../src/ledger/amount.ts'
import { percent } from './format.ts'
import type { Recorded } from './quickstart.ts'

export function seedsSection(runs: readonly Recorded[]): string {
  const lines = [
    '## quickstart again and again',
    '',
    'Seats are drawn by the chain, so no two runs are the same. Lowest: the lowest median of a seat that was not slashed, in nats.',
    '',
    '| `npm run quickstart --` | exact match | seats | lowest | stake lost | one adapter | seconds |',
    '|---|---:|---|---:|---:|---|---:|',
  ]
  for (const { command, result } of runs) {
    const { rounds, evaluation, agreement, rewards, seconds } = result
    const seats = rounds.flatMap((r) =>
      Object.entries(r.outcomes).map(([account, outcome]) => ({ outcome, median: r.medians[account] ?? 0 })),
    )
    const outcomes = new Map<string, number>()
    for (const { outcome } of seats) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    const cells = [
      `\`${command.replace(/^npm run quickstart( -- )?/, '')}\``,
      percent(evaluation.federated.at(-1)?.exactMatch ?? 0),
      [...outcomes].map(([outcome, n]) => `${n} ${outcome}`).join(', '),
      Math.min(...seats.filter((s) => s.outcome !== 'slashed').map((s) => s.median)).toFixed(3),
      formatAmount(rewards.reduce((sum, r) => sum + BigInt(r.slashed), 0n)),
      new Set(agreement.globalDigests).size === 1 ? 'yes' : 'no',
      seconds.toFixed(0),
    ]
    lines.push(`| ${cells.join(' | ')} |`)
  }
  return lines.join('\n')
}
