/** What all explained seats share: what was paid, what of it went to delegators, what was lost. */
import type { Payment, Penalty } from './replay.ts'

export type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Wei. */
export interface SeatMoney {
  readonly paid: bigint
  /** of it, what those got who delegate to the account, and the commission that was kept of their part (1/10,000) */
  readonly toDelegators: bigint
  readonly commissionBps: number
  readonly kept: bigint
  /** null: nothing was lost */
  readonly slash: { readonly bps: number; readonly burnt: bigint } | null
}

export const NO_MONEY: SeatMoney = { paid: 0n, toDelegators: 0n, commissionBps: 0, kept: 0n, slash: null }

export function pay(seat: Mutable<SeatMoney>, { amount, delegators, commissionBps }: Payment): void {
  seat.paid = amount
  seat.toDelegators = delegators
  seat.commissionBps = commissionBps
  seat.kept = amount - delegators
}

export function slash(seat: Mutable<SeatMoney>, { bps, burnt }: Penalty): void {
  seat.slash = { bps, burnt }
}
