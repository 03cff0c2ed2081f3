/** An audit as a line chart: what each account brought, adding up from round to round. */
import type { AuditedRound, TaskAudit } from '../../../node/audit/audit.ts'
import type { Address } from '../../../src/types/ledger.ts'
import { lineChart } from '../../line-chart.ts'

/** More lines than this nobody can tell apart; the rest are one line together. */
const MOST_LINES = 12

export const shortAccount = (account: string): string => `${account.slice(0, 6)}…${account.slice(-4)}`

/** SVG text. Rounds that were left out add nothing. */
export function pictureOf({ task, rounds, accounts }: Pick<TaskAudit, 'task' | 'rounds' | 'accounts'>): string {
  const first = Math.min(...rounds.map(({ round }) => round))
  const last = Math.max(...rounds.map(({ round }) => round))
  // those that brought or cost most have a line of their own
  const bySize = [...accounts].sort((a, b) => Math.abs(b.value) - Math.abs(a.value))
  const own = new Set(bySize.slice(0, accounts.length > MOST_LINES ? MOST_LINES - 1 : MOST_LINES).map((a) => a.account))
  const rest = accounts.filter(({ account }) => !own.has(account)).map(({ account }) => account)
  const groups: (readonly [name: string, members: readonly Address[]])[] = accounts
    .filter(({ account }) => own.has(account))
    .map(({ account }) => [shortAccount(account), [account]])
  if (rest.length > 0) groups.push([`${rest.length} others`, rest])
  const series = groups.map(([name, members]) => {
    const values = [0]
    for (let round = first; round <= last; round++)
      values.push(
        (values.at(-1) as number) +
          broughtBy(
            members,
            rounds.find((r) => r.round === round),
          ),
      )
    return { name, values }
  })
  return lineChart({
    title: `task ${task}: loss that each account took away, nats`,
    xLabel: 'round',
    series,
    from: first - 1,
  })
}

function broughtBy(members: readonly Address[], round: AuditedRound | undefined): number {
  let sum = 0
  for (const { accounts, value } of round?.shares ?? [])
    sum += (value * accounts.filter((account) => members.includes(account)).length) / accounts.length
  return sum
}
