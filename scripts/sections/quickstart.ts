/** A run of quickstart. */
import type { QuickstartResult } from '../../cli/cmds/quickstart/result.ts'
import { median, percent } from './format.ts'

export interface Recorded {
  readonly command: string
  readonly machine: string
  readonly result: QuickstartResult
}

export function quickstartSection(name: string, { command, machine, result }: Recorded): string {
  const { evaluation, rounds, rewards } = result
  const last = evaluation.federated.at(-1)
  const lines = [
    `## ${name}`,
    '',
    '```',
    command,
    '```',
    '',
    `On ${machine}: ${result.seconds.toFixed(0)} s in all.`,
    '',
  ]
  lines.push(`| on ${evaluation.examples} held-out examples | exact match | loss |`, '|---|---:|---:|')
  lines.push(`| base | ${percent(evaluation.base.exactMatch)} | ${evaluation.base.loss.toFixed(3)} |`)
  for (const l of evaluation.local ?? [])
    lines.push(`| ${l.node} alone | ${percent(l.exactMatch)} | ${l.loss.toFixed(3)} |`)
  if (last !== undefined)
    lines.push(`| **federated, ${last.round} rounds** | **${percent(last.exactMatch)}** | ${last.loss.toFixed(3)} |`)
  if (evaluation.pooled !== null)
    lines.push(`| pooled | ${percent(evaluation.pooled.exactMatch)} | ${evaluation.pooled.loss.toFixed(3)} |`)
  lines.push('')
  if (last !== undefined && evaluation.pooled !== null && evaluation.local !== null) {
    const alone = evaluation.local.reduce((s, l) => s + l.exactMatch, 0) / evaluation.local.length
    lines.push(
      `Federated is ${(last.exactMatch / evaluation.pooled.exactMatch).toFixed(3)} × pooled and ${(last.exactMatch / alone).toFixed(2)} × the mean of the nodes alone.`,
      '',
    )
  }
  const outcomes = new Map<string, number>()
  for (const r of rounds) for (const o of Object.values(r.outcomes)) outcomes.set(o, (outcomes.get(o) ?? 0) + 1)
  const total = [...outcomes.values()].reduce((a, b) => a + b, 0)
  lines.push(
    `Proposer seats: ${total}; ${[...outcomes].map(([o, n]) => `${o} ${n} (${percent(n / total)})`).join(', ')}.`,
  )
  const gas = new Map<string, number>()
  for (const r of rounds) for (const [call, sum] of Object.entries(r.gas)) gas.set(call, (gas.get(call) ?? 0) + sum)
  lines.push(
    `Median round: ${median(rounds.map((r) => r.seconds)).toFixed(1)} s, of which training ${median(rounds.map((r) => r.trainSeconds)).toFixed(1)} s; ${(median(rounds.map((r) => r.bytesPulled)) / 1e6).toFixed(2)} MB pulled, ${(median(rounds.map((r) => r.bytesGossiped)) / 1e3).toFixed(1)} kB gossiped, by all nodes together.`,
    `Gas a round, all accounts: ${[...gas].map(([call, sum]) => `${call} ${Math.round(sum / rounds.length / 1000)} k`).join(', ')}.`,
    `Peak memory: ${Object.entries(result.peakRssMb)
      .map(([p, mb]) => `${p} ${mb} MB`)
      .join(', ')}.`,
    '',
    '| node | role | earned | slashed | balance |',
    '|---|---|---:|---:|---:|',
  )
  const coin = (wei: string): string => (Number(BigInt(wei) / 10n ** 14n) / 1e4).toFixed(2)
  for (const r of rewards)
    lines.push(`| ${r.node} | ${r.role} | ${coin(r.earned)} | ${coin(r.slashed)} | ${coin(r.balance)} |`)
  lines.push('', 'Exact match after each round (rounds before the last on a part of the held-out set):', '', '```')
  for (const f of evaluation.federated)
    lines.push(
      `round ${String(f.round).padStart(3)} ${'█'.repeat(Math.round(50 * f.exactMatch)).padEnd(50, '·')} ${percent(f.exactMatch)}`,
    )
  lines.push('```')
  if (result.crashes.length > 0)
    lines.push(
      '',
      `Killed and started again: ${result.crashes.map((c) => `${c.node} (${c.role}) in ${c.phase} of round ${c.round}`).join(', ')}.`,
    )
  const agree = new Set(result.agreement.globalDigests).size === 1
  lines.push(
    '',
    agree
      ? `All ${result.agreement.globalDigests.length} nodes ended with the global adapter \`${result.agreement.globalDigests[0]?.slice(0, 16)}\`.`
      : 'The nodes did not agree.',
  )
  return lines.join('\n')
}
