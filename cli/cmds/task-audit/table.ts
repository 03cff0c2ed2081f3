/** An audit as people read it. */
import Table from 'cli-table3'
import type { TaskAudit } from '../../../node/audit/audit.ts'

const DIGITS = 4
const COMPACT = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }

const signed = (x: number): string => `${x < 0 ? '−' : '+'}${Math.abs(x).toFixed(DIGITS)}`
const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0)

/** @param amount wei as text */
export function linesOf(audit: TaskAudit, amount: (wei: bigint) => string): readonly string[] {
  const { task, by, examples, rounds, leftOut, differing, slicesMissing, accounts } = audit
  const lines = [
    `task ${task}: ${rounds.length} of ${rounds.length + leftOut.length} rounds audited on ${examples} examples`,
  ]
  if (rounds.length > 0) {
    const [base, gain] = [rounds[0]?.base ?? 0, sum(rounds.map((r) => r.gain))]
    const momentum = sum(rounds.map((r) => r.momentum))
    lines.push(
      `the first of them began at a loss of ${base.toFixed(DIGITS)} nats; the deltas took away ${gain.toFixed(DIGITS)}${momentum === 0 ? '' : `, the momentum of earlier steps ${momentum.toFixed(DIGITS)}, which is nobody's`}`,
      '',
      tableOf(audit, amount),
    )
    if (by === 'cohort')
      lines.push(
        'This task is masked: nobody can tell the members of a cohort apart, so each has an equal part of what its cohort was worth.',
      )
    const sampled = rounds.filter((r) => !r.exact).map((r) => r.round)
    if (sampled.length > 0)
      lines.push(`Sampled in round ${sampled.join(', ')}: ± is one standard error over the orders that were drawn.`)
    if (accounts.some((a) => a.included < a.seats))
      lines.push('A seat that was not included added nothing, and is worth 0.')
  }
  for (const { round, why, missing } of leftOut) {
    lines.push(`round ${round} is left out: ${why}`)
    for (const digest of missing) lines.push(`  missing ${digest}`)
  }
  if (slicesMissing.length > 0)
    lines.push(`The slices of round ${slicesMissing.join(', ')} are not to be had: measured without them.`)
  if (differing.length > 0)
    lines.push(
      `! In round ${differing.join(', ')} proposers say that they began from another adapter than these deltas make: what is told of it is not what they did.`,
    )
  return lines
}

function tableOf({ accounts }: TaskAudit, amount: (wei: bigint) => string): string {
  const table = new Table({
    head: ['account', 'rounds', 'value, nats', '±', 'of all', 'paid', 'nats per token'],
    style: { head: [], border: [] },
    chars: COMPACT,
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
  })
  for (const a of accounts)
    table.push([
      a.account,
      a.included === a.seats ? String(a.seats) : `${a.included} of ${a.seats}`,
      signed(a.value),
      a.error === 0 ? '' : a.error.toFixed(DIGITS),
      a.share === null ? '' : `${(100 * a.share).toFixed(1)} %`,
      amount(a.paid),
      a.perToken === null ? '' : a.perToken.toPrecision(3),
    ])
  return table.toString()
}
