/** What locks earned, as people read it. */
import type { EmissionSpan, EmissionsExplained, LockExplained } from '../../../src/ledger/history/explain-emissions.ts'
import { percentOf, timeOf } from '../../amounts.ts'

type Amount = (wei: bigint) => string

/** @param amount wei as text */
export function treeOf(explained: EmissionsExplained, amount: Amount): readonly string[] {
  const { account, holderBps, locks, spans, targets, claims, totals, disagreements } = explained
  const lines = [`account ${account}`]
  for (const lock of locks) lines.push('', ...lockLines(lock, amount))
  if (spans.length > 0) lines.push('', 'what its weight earned')
  for (const span of spans) lines.push(...spanLines(span, holderBps, amount).map((line) => `  ${line}`))
  if (targets.length > 0) lines.push('', 'what its locks are or were for')
  for (const { target, brought, pulled, burnt, waiting } of targets) {
    const gone = burnt > 0n ? `, ${amount(burnt)} burnt because it was over` : ''
    lines.push(
      `  ${target.kind} ${target.id}  ${amount(brought)} by this account's weight; of everybody's ${amount(pulled)} pulled into its pool, ${amount(waiting)} waiting${gone}`,
    )
  }
  if (claims.length > 0) lines.push('', 'claimed')
  for (const { at, amount: paid } of claims) lines.push(`  ${timeOf(at.time)}  ${amount(paid)}`)
  const rows = [
    ['earned by its locks', totals.earned],
    ['− claimed', totals.claimed],
    ['= claimable', totals.claimable],
  ] as const
  const width = Math.max(...rows.map(([name]) => name.length))
  lines.push('', ...rows.map(([name, wei]) => `${name.padEnd(width)}  ${amount(wei)}`))
  for (const d of disagreements)
    lines.push(`! block ${d.at.block}: ${d.what} is ${amount(d.chain)} on chain, ${amount(d.rules)} by the rules`)
  return lines
}

function lockLines(lock: LockExplained, amount: Amount): readonly string[] {
  const { id, noticeDays, weight, at, targets, notice, returned } = lock
  const lines = [
    `lock ${id}  ${amount(lock.amount)}, ${noticeDays} days of notice: weighs ${amount(weight)}-days  ${timeOf(at.time)}`,
    ...targets.map((t) => `  for ${t.target.kind} ${t.target.id} from ${timeOf(t.at.time)} on`),
  ]
  if (notice !== null)
    lines.push(`  notice given ${timeOf(notice.at.time)}: weighs nothing since, free from ${timeOf(notice.freeAt)} on`)
  if (returned !== null) lines.push(`  given back ${timeOf(returned.time)}`)
  return [...lines, `  = ${amount(lock.kept)}`]
}

function spanLines(span: EmissionSpan, holderBps: number, amount: Amount): readonly string[] {
  const { from, to, emitted, weight, earned, kept, locks } = span
  const lines = [
    `${timeOf(from)} to ${timeOf(to)}  ${amount(emitted)} emitted to all`,
    `  ${amount(earned)} of it by ${amount(weight)}-days of weight`,
    `  + ${amount(kept)}, the ${percentOf(holderBps)} of it that are the lockers' own`,
  ]
  if (locks.length < 2) return lines
  const parts = locks.map((lock) => `lock ${lock.id} ${amount(lock.kept)}`).join(', ')
  const rest = kept - locks.reduce((sum, lock) => sum + lock.kept, 0n)
  return [...lines, `    ${parts}${rest > 0n ? `, and ${rest} wei that no lock has alone` : ''}`]
}
