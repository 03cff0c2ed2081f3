/**
 * The emissions contract's rules in memory: contracts/Emissions.sol, number for number, on top of the chain in memory.
 *
 * @example
 * const emissions = createMemoryEmissions(chain, terms)
 * await emissions.ledger(alice).lock(amount, 30, { kind: 'task', id: 1 })
 */
import { dayAmount, MAX_NOTICE_DAYS, MIN_NOTICE_DAYS } from '../../round/emissions.ts'
import type {
  ClaimReceipt,
  EmissionShare,
  EmissionsLedger,
  EmissionsView,
  EmissionTarget,
  EmissionTerms,
  LockReceipt,
  LockView,
  PullReceipt,
} from '../../types/emissions.ts'
import type { Address, TxReceipt } from '../../types/ledger.ts'
import { revert } from '../abi/revert.ts'
import type { History } from '../history/events.ts'
import type { MemoryChain } from './chain.ts'
import { type BookedLock, EmissionBooks, targetKey } from './emission-books.ts'
import { isOpen } from './round.ts'

/** Stands for the contract's address: what it holds is in this wallet. */
export const MEMORY_EMISSIONS: Address = '0x00000000000000000000000000000000000E0e0e'
/** Stand for the addresses of the contracts that weight can be for. */
const WHERE: Readonly<Record<EmissionTarget['kind'], Address>> = {
  task: '0x0000000000000000000000000000000000000001',
  arena: '0x0000000000000000000000000000000000000002',
}
const MAX_LOCKS = 16
const DAY_SECONDS = 86_400

export interface MemoryEmissionsHandle {
  ledger(account: Address): EmissionsLedger
  /** the chain's history, with what the contract would have emitted */
  history(): History
}

export function createMemoryEmissions(chain: MemoryChain, terms: EmissionTerms): MemoryEmissionsHandle {
  const contract = new MemoryEmissions(chain, terms)
  return { ledger: (account) => ledgerOf(contract, account), history: () => contract.history() }
}

class MemoryEmissions {
  readonly #chain: MemoryChain
  readonly #books: EmissionBooks
  #lockCount = 0

  constructor(chain: MemoryChain, terms: EmissionTerms) {
    this.#chain = chain
    this.#books = new EmissionBooks(terms)
  }

  // ---- views

  view(): EmissionsView {
    const { terms, opened, totalWeight } = this.#books
    const { clock } = this.#books.rolled(this.#chain.time())
    return {
      terms,
      opened,
      emitted: opened ? terms.supply - clock.left + clock.given : 0n,
      day: clock.day,
      today: dayAmount(clock.left, terms.rate),
      totalWeight,
    }
  }

  locksOf(account: Address): LockView[] {
    const mine = [...this.#books.locks.values()].filter((lock) => lock.owner === account)
    return mine.map(({ owner: _, ...lock }) => ({ ...lock }))
  }

  holderOf(account: Address): EmissionShare {
    return this.#books.holder(account, this.#chain.time())
  }

  targetOf(target: EmissionTarget): EmissionShare {
    return this.#books.target(target, this.#chain.time())
  }

  history(): History {
    const kinds = new Map(Object.entries(WHERE).map(([kind, at]) => [at, kind as EmissionTarget['kind']]))
    return { ...this.#chain.history(), emissions: { terms: this.#books.terms, kinds, time: this.#chain.time() } }
  }

  // ---- acts

  open(sender: Address): TxReceipt {
    if (this.#books.opened) throw revert('AlreadyOpened', {})
    const { supply } = this.#books.terms
    this.#emit('Opened', { supply })
    const receipt = this.#chain.transfer(sender, MEMORY_EMISSIONS, supply)
    this.#books.open(this.#chain.time())
    return receipt
  }

  lock(sender: Address, amount: bigint, noticeDays: number, target: EmissionTarget): LockReceipt {
    if (amount <= 0n) throw revert('NothingLocked', {})
    if (noticeDays < MIN_NOTICE_DAYS || noticeDays > MAX_NOTICE_DAYS)
      throw revert('BadNotice', { noticeDays, least: MIN_NOTICE_DAYS, most: MAX_NOTICE_DAYS })
    this.#mustBeOpen(target)
    if (this.locksOf(sender).length === MAX_LOCKS) throw revert('TooManyLocks', { limit: MAX_LOCKS })
    this.#chain.mustAfford(sender, amount)
    this.#roll()
    const id = ++this.#lockCount
    this.#books.lock({ id, owner: sender, amount, noticeDays, target })
    this.#emit('Locked', { id, owner: sender, amount, noticeDays })
    this.#emit('Directed', { id, ...whereOf(target) })
    return { ...this.#chain.transfer(sender, MEMORY_EMISSIONS, amount), lock: id }
  }

  direct(sender: Address, id: number, target: EmissionTarget): void {
    const lock = this.#running(sender, id)
    this.#mustBeOpen(target)
    this.#roll()
    this.#books.direct(lock, target)
    this.#emit('Directed', { id, ...whereOf(target) })
  }

  unlock(sender: Address, id: number): void {
    const lock = this.#running(sender, id)
    this.#roll()
    const freeAt = this.#chain.time() + lock.noticeDays * DAY_SECONDS
    this.#books.unlock(lock, freeAt)
    this.#emit('NoticeGiven', { id, freeAt })
  }

  withdraw(sender: Address, id: number): TxReceipt {
    const { freeAt, amount } = this.#own(sender, id)
    if (freeAt === null) throw revert('NoNotice', { id })
    if (this.#chain.time() < freeAt) throw revert('StillLocked', { freeAt })
    this.#books.locks.delete(id)
    this.#emit('Returned', { id, owner: sender, amount })
    return this.#chain.transfer(MEMORY_EMISSIONS, sender, amount)
  }

  claim(sender: Address): ClaimReceipt {
    if (this.holderOf(sender).waiting === 0n) throw revert('NothingEmitted', { account: sender })
    this.#roll()
    const amount = this.#books.claim(sender)
    this.#emit('HolderPaid', { owner: sender, amount })
    return { ...this.#chain.transfer(MEMORY_EMISSIONS, sender, amount), amount }
  }

  pull(target: EmissionTarget): PullReceipt {
    if (this.targetOf(target).waiting === 0n) throw revert('NothingToPull', whereOf(target))
    this.#roll()
    const amount = this.#books.pull(target)
    const open = this.#isOpen(target)
    this.#emit('Pulled', { ...whereOf(target), amount, burnt: !open })
    return { ...this.#give(target, amount, open), amount, burnt: !open }
  }

  /** for a write that moves no tokens */
  seal(): TxReceipt {
    return this.#chain.transfer(MEMORY_EMISSIONS, MEMORY_EMISSIONS, 0n)
  }

  // ---- inside

  #give({ kind, id }: EmissionTarget, amount: bigint, open: boolean): TxReceipt {
    if (!open) return this.#chain.burn(MEMORY_EMISSIONS, amount)
    if (kind === 'task') return this.#chain.fund(MEMORY_EMISSIONS, id, amount)
    this.#chain.arenas.fund(MEMORY_EMISSIONS, id, amount)
    return this.#chain.seal()
  }

  #roll(): void {
    const amount = this.#books.roll(this.#chain.time())
    if (amount > 0n) this.#emit('Emitted', { amount, index: this.#books.index })
  }

  #emit(name: string, args: Readonly<Record<string, unknown>>): void {
    this.#chain.emit('emissions', name, args)
  }

  #own(sender: Address, id: number): BookedLock {
    const lock = this.#books.locks.get(id)
    if (lock === undefined || lock.owner !== sender) throw revert('UnknownLock', { id, account: sender })
    return lock
  }

  #running(sender: Address, id: number): BookedLock {
    const lock = this.#own(sender, id)
    if (lock.freeAt !== null) throw revert('NoticeStands', { freeAt: lock.freeAt })
    return lock
  }

  #isOpen({ kind, id }: EmissionTarget): boolean {
    if (kind === 'arena') return this.#chain.arenas.isOpen(id)
    return id >= 1 && id <= this.#chain.taskCount() && isOpen(this.#chain.task(id).status)
  }

  #mustBeOpen(target: EmissionTarget): void {
    if (!this.#isOpen(target)) throw revert('TargetClosed', whereOf(target))
  }
}

const whereOf = ({ kind, id }: EmissionTarget): { readonly where: Address; readonly target: number } => ({
  where: WHERE[kind],
  target: id,
})

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
      if (lock !== undefined && targetKey(lock.target) === targetKey(target)) return null
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
