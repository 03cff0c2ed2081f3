/**
 * The emissions contract's rules in memory: contracts/Emissions.sol, number for number, on top of the chain in memory.
 *
 * @example
 * const emissions = createMemoryEmissions(chain, terms)
 * await emissions.ledger(alice).lock(amount, 30, { kind: 'task', id: 1 })
 */
import {
  advanceClock,
  dayAmount,
  type EmissionClock,
  emissionEarned,
  emissionStep,
  holdersPart,
  lockWeight,
  MAX_NOTICE_DAYS,
  MIN_NOTICE_DAYS,
  schedulePassed,
  targetsPart,
} from '../../round/emissions.ts'
import type {
  EmissionShare,
  EmissionsLedger,
  EmissionsView,
  EmissionTarget,
  EmissionTerms,
  LockReceipt,
  LockView,
} from '../../types/emissions.ts'
import type { Address, TxReceipt } from '../../types/ledger.ts'
import { revert } from '../abi/revert.ts'
import type { MemoryChain } from './chain.ts'
import { isOpen } from './round.ts'

/** Stands for the contract's address: what it holds is in this wallet. */
export const MEMORY_EMISSIONS: Address = '0x00000000000000000000000000000000000E0e0e'
const MAX_LOCKS = 16
const DAY_SECONDS = 86_400

interface Lock {
  readonly id: number
  readonly owner: Address
  readonly amount: bigint
  readonly noticeDays: number
  freeAt: number | null
  target: EmissionTarget
}

/** A weight, and what it has earned up to `index`. */
interface Share {
  weight: bigint
  owed: bigint
  index: bigint
}

const EMPTY_CLOCK: EmissionClock = { left: 0n, given: 0n, position: 0n, day: 0 }
const keyOf = ({ kind, id }: EmissionTarget): string => `${kind}/${id}`

export interface MemoryEmissionsHandle {
  ledger(account: Address): EmissionsLedger
}

export function createMemoryEmissions(chain: MemoryChain, terms: EmissionTerms): MemoryEmissionsHandle {
  const contract = new MemoryEmissions(chain, terms)
  return { ledger: (account) => ledgerOf(contract, account) }
}

class MemoryEmissions {
  readonly #chain: MemoryChain
  readonly #terms: EmissionTerms
  readonly #locks = new Map<number, Lock>()
  readonly #holders = new Map<string, Share>()
  readonly #targets = new Map<string, Share>()
  #clock = EMPTY_CLOCK
  /** up to when time was counted, unix seconds */
  #counted: number | null = null
  #index = 0n
  #totalWeight = 0n
  #lockCount = 0

  constructor(chain: MemoryChain, terms: EmissionTerms) {
    this.#chain = chain
    this.#terms = terms
  }

  // ---- views

  view(): EmissionsView {
    const { clock } = this.#rolled()
    const { supply, rate } = this.#terms
    return {
      terms: this.#terms,
      opened: this.#counted !== null,
      emitted: this.#counted === null ? 0n : supply - clock.left + clock.given,
      day: clock.day,
      today: dayAmount(clock.left, rate),
      totalWeight: this.#totalWeight,
    }
  }

  locksOf(account: Address): LockView[] {
    const mine = [...this.#locks.values()].filter((lock) => lock.owner === account)
    return mine.map(({ owner: _, ...lock }) => ({ ...lock }))
  }

  holderOf(account: Address): EmissionShare {
    return this.#share(this.#holders.get(account), holdersPart)
  }

  targetOf(target: EmissionTarget): EmissionShare {
    return this.#share(this.#targets.get(keyOf(target)), targetsPart)
  }

  // ---- acts

  open(sender: Address): TxReceipt {
    if (this.#counted !== null) throw revert('AlreadyOpened', {})
    const receipt = this.#chain.transfer(sender, MEMORY_EMISSIONS, this.#terms.supply)
    this.#clock = { ...EMPTY_CLOCK, left: this.#terms.supply }
    this.#counted = this.#chain.time()
    return receipt
  }

  lock(sender: Address, amount: bigint, noticeDays: number, target: EmissionTarget): LockReceipt {
    if (amount <= 0n) throw revert('NothingLocked', {})
    if (noticeDays < MIN_NOTICE_DAYS || noticeDays > MAX_NOTICE_DAYS)
      throw revert('BadNotice', { noticeDays, least: MIN_NOTICE_DAYS, most: MAX_NOTICE_DAYS })
    this.#mustBeOpen(target)
    if (this.locksOf(sender).length === MAX_LOCKS) throw revert('TooManyLocks', { limit: MAX_LOCKS })
    const receipt = this.#chain.transfer(sender, MEMORY_EMISSIONS, amount)
    this.#roll()
    const id = ++this.#lockCount
    this.#locks.set(id, { id, owner: sender, amount, noticeDays, freeAt: null, target })
    const weight = lockWeight(amount, noticeDays)
    this.#creditTarget(target).weight += weight
    this.#creditHolder(sender).weight += weight
    this.#totalWeight += weight
    return { ...receipt, lock: id }
  }

  direct(sender: Address, id: number, target: EmissionTarget): void {
    const lock = this.#running(sender, id)
    this.#mustBeOpen(target)
    this.#roll()
    const weight = lockWeight(lock.amount, lock.noticeDays)
    this.#creditTarget(lock.target).weight -= weight
    this.#creditTarget(target).weight += weight
    lock.target = target
  }

  unlock(sender: Address, id: number): void {
    const lock = this.#running(sender, id)
    this.#roll()
    const weight = lockWeight(lock.amount, lock.noticeDays)
    this.#creditTarget(lock.target).weight -= weight
    this.#creditHolder(sender).weight -= weight
    this.#totalWeight -= weight
    lock.freeAt = this.#chain.time() + lock.noticeDays * DAY_SECONDS
  }

  withdraw(sender: Address, id: number): TxReceipt {
    const lock = this.#own(sender, id)
    if (lock.freeAt === null) throw revert('NoNotice', { id })
    if (this.#chain.time() < lock.freeAt) throw revert('StillLocked', { freeAt: lock.freeAt })
    this.#locks.delete(id)
    return this.#chain.transfer(MEMORY_EMISSIONS, sender, lock.amount)
  }

  claim(sender: Address): TxReceipt {
    this.#roll()
    const holder = this.#creditHolder(sender)
    const amount = holder.owed
    if (amount === 0n) throw revert('NothingEmitted', { account: sender })
    holder.owed = 0n
    return this.#chain.transfer(MEMORY_EMISSIONS, sender, amount)
  }

  pull(target: EmissionTarget): TxReceipt {
    this.#roll()
    const share = this.#creditTarget(target)
    const amount = share.owed
    if (amount === 0n) throw revert('NothingToPull', { target: keyOf(target) })
    share.owed = 0n
    if (this.#isOpen(target)) return this.#chain.fund(MEMORY_EMISSIONS, target.id, amount)
    return this.#chain.burn(MEMORY_EMISSIONS, amount)
  }

  /** for a write that moves no tokens */
  seal(): TxReceipt {
    return this.#chain.transfer(MEMORY_EMISSIONS, MEMORY_EMISSIONS, 0n)
  }

  // ---- inside

  #rolled(): { readonly clock: EmissionClock; readonly index: bigint } {
    const { rate, fullWeight } = this.#terms
    if (this.#counted === null) return { clock: this.#clock, index: this.#index }
    const step = schedulePassed(this.#chain.time() - this.#counted, this.#totalWeight, fullWeight)
    if (step === 0n) return { clock: this.#clock, index: this.#index }
    const { clock, amount } = advanceClock(this.#clock, step, rate)
    return { clock, index: this.#index + emissionStep(amount, this.#totalWeight) }
  }

  #roll(): void {
    const { clock, index } = this.#rolled()
    this.#clock = clock
    this.#index = index
    if (this.#counted !== null) this.#counted = this.#chain.time()
  }

  #share(share: Share | undefined, part: typeof targetsPart): EmissionShare {
    if (share === undefined) return { weight: 0n, waiting: 0n }
    const { weight, owed, index } = share
    const earned = emissionEarned(weight, this.#rolled().index - index)
    return { weight, waiting: owed + part(earned, this.#terms.holderBps) }
  }

  #creditTarget(target: EmissionTarget): Share {
    return this.#credited(this.#targets, keyOf(target), targetsPart)
  }

  #creditHolder(account: Address): Share {
    return this.#credited(this.#holders, account, holdersPart)
  }

  #credited(shares: Map<string, Share>, key: string, part: typeof targetsPart): Share {
    const share = shares.get(key) ?? { weight: 0n, owed: 0n, index: 0n }
    shares.set(key, share)
    share.owed += part(emissionEarned(share.weight, this.#index - share.index), this.#terms.holderBps)
    share.index = this.#index
    return share
  }

  #own(sender: Address, id: number): Lock {
    const lock = this.#locks.get(id)
    if (lock === undefined || lock.owner !== sender) throw revert('UnknownLock', { id, account: sender })
    return lock
  }

  #running(sender: Address, id: number): Lock {
    const lock = this.#own(sender, id)
    if (lock.freeAt !== null) throw revert('NoticeStands', { freeAt: lock.freeAt })
    return lock
  }

  #isOpen({ kind, id }: EmissionTarget): boolean {
    return kind === 'task' && id >= 1 && id <= this.#chain.taskCount() && isOpen(this.#chain.task(id).status)
  }

  #mustBeOpen(target: EmissionTarget): void {
    if (!this.#isOpen(target)) throw revert('TargetClosed', { where: target.kind, target: target.id })
  }
}

function ledgerOf(contract: MemoryEmissions, account: Address): EmissionsLedger {
  const mine = (id: number): LockView | undefined => contract.locksOf(account).find((lock) => lock.id === id)
  return {
    account,
    async start() {},
    async stop() {},
    view: async () => contract.view(),
    locks: async (of) => contract.locksOf(of),
    holder: async (of) => contract.holderOf(of),
    target: async (target) => contract.targetOf(target),
    open: async () => (contract.view().opened ? null : contract.open(account)),
    lock: async (amount, noticeDays, target) => contract.lock(account, amount, noticeDays, target),
    async direct(id, target) {
      const lock = mine(id)
      if (lock !== undefined && keyOf(lock.target) === keyOf(target)) return null
      contract.direct(account, id, target)
      return contract.seal()
    },
    async unlock(id) {
      if (mine(id)?.freeAt != null) return null
      contract.unlock(account, id)
      return contract.seal()
    },
    withdraw: async (id) => (mine(id) === undefined ? null : contract.withdraw(account, id)),
    claim: async () => (contract.holderOf(account).waiting === 0n ? null : contract.claim(account)),
    pull: async (target) => (contract.targetOf(target).waiting === 0n ? null : contract.pull(target)),
  }
}
