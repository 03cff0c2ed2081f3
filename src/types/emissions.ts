/** Seam: emissions, as an account sees them. Real: ethers on any EVM. Twin: the same rules in memory. Rules: docs/emissions.md. */
import type { Address, TxReceipt } from './ledger.ts'

/** Fixed at deployment. */
export interface EmissionTerms {
  /** all that is ever emitted, wei */
  readonly supply: bigint
  /** part of what is left that a day emits, billionths */
  readonly rate: number
  /** part of what is emitted that goes to who locks, 1/10,000 */
  readonly holderBps: number
  /** wei-days that must be locked for the schedule to run at full speed */
  readonly fullWeight: bigint
}

export interface EmissionsView {
  readonly terms: EmissionTerms
  /** the supply is there and the schedule has begun */
  readonly opened: boolean
  /** emitted up to now, wei */
  readonly emitted: bigint
  /** whole days of the schedule that are over */
  readonly day: number
  /** what the schedule's present day emits in all, wei */
  readonly today: bigint
  /** wei-days */
  readonly totalWeight: bigint
}

/** Whose pool a weight is for. */
export interface EmissionTarget {
  readonly kind: 'task' | 'arena'
  readonly id: number
}

export interface LockView {
  readonly id: number
  /** wei */
  readonly amount: bigint
  /** between `unlock` and `withdraw` */
  readonly noticeDays: number
  /** unix seconds; null = no notice was given */
  readonly freeAt: number | null
  readonly target: EmissionTarget
}

export interface LockReceipt extends TxReceipt {
  /** the lock's id */
  readonly lock: number
}

export interface ClaimReceipt extends TxReceipt {
  /** wei */
  readonly amount: bigint
}

export interface PullReceipt extends ClaimReceipt {
  /** the target was over: nobody has it */
  readonly burnt: boolean
}

export interface EmissionShare {
  /** wei-days */
  readonly weight: bigint
  /** waits to be pulled or claimed, wei */
  readonly waiting: bigint
}

/** Writes resolve when the transaction is in a block and throw E_REVERT with the contract's reason. */
export interface EmissionsLedger {
  readonly account: Address
  start(): Promise<void>
  stop(): Promise<void>
  view(): Promise<EmissionsView>
  locks(account: Address): Promise<readonly LockView[]>
  /** an account's part, for its locks */
  holder(account: Address): Promise<EmissionShare>
  /** a task's part */
  target(target: EmissionTarget): Promise<EmissionShare>

  /** gives the whole supply and begins the schedule; null when it has begun */
  open(): Promise<TxReceipt | null>
  lock(amount: bigint, noticeDays: number, target: EmissionTarget): Promise<LockReceipt>
  /** null when the lock is for that task already */
  direct(lock: number, target: EmissionTarget): Promise<TxReceipt | null>
  /** gives notice; null when it was given */
  unlock(lock: number): Promise<TxReceipt | null>
  /** tokens of a lock whose notice is over; null when the account has no such lock any more */
  withdraw(lock: number): Promise<TxReceipt | null>
  /** pays the account's part; null when nothing waits */
  claim(): Promise<ClaimReceipt | null>
  /** moves a target's part into its pool (or burns it, when that is over); null when nothing waits */
  pull(target: EmissionTarget): Promise<PullReceipt | null>
}
