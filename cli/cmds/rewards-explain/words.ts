/** What the trees of tasks and arenas share. */
import type { SeatMoney } from '../../../src/ledger/history/seat.ts'
import { percentOf } from '../../amounts.ts'

/** Wei as text. */
export type Amount = (wei: bigint) => string

/** An account in a list of many. */
export const short = (account: string): string => `${account.slice(0, 6)}…${account.slice(-4)}`

export function delegatorsLine({ toDelegators, commissionBps }: SeatMoney, amount: Amount): string {
  return `− ${amount(toDelegators)} to those who delegate to it, by stake, less a commission of ${percentOf(commissionBps)}`
}
