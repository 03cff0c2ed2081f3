/**
 * What an account's locks earned of the emissions, and what they brought to the tasks and arenas that they are for, out of the
 * emissions contract's events: the schedule is run again by its rules, and every stretch of time in which the account's weight
 * stood still is told. Adds up to what the contract owes the account, to the last wei.
 */
import { CoveyError, messageOf } from '../../base/errors.ts'
import { emissionEarned, holdersPart, lockWeight, targetsPart } from '../../round/emissions.ts'
import type { EmissionTarget } from '../../types/emissions.ts'
import type { Address } from '../../types/ledger.ts'
import { type BookedLock, EmissionBooks, targetKey } from '../memory/emission-books.ts'
import { argOf, type History, type HistoryEvent, type Place, placeOf } from './events.ts'
import type { Disagreement } from './replay.ts'
import type { Mutable } from './seat.ts'

/** A stretch of time in which the account's weight stood still. Amounts in wei, weights in wei-days. */
export interface EmissionSpan {
  /** unix seconds */
  readonly from: number
  readonly to: number
  /** to all */
  readonly emitted: bigint
  readonly weight: bigint
  /** what its weight earned, for itself and for those that it is for */
  readonly earned: bigint
  /** the lockers' part of that: the account's own */
  readonly kept: bigint
  /** by lock, cut off to whole wei: together at most `kept` */
  readonly locks: readonly { readonly id: number; readonly weight: bigint; readonly kept: bigint }[]
}

export interface LockExplained {
  readonly id: number
  readonly amount: bigint
  readonly noticeDays: number
  readonly weight: bigint
  readonly at: Place
  /** what it was for, from when on */
  readonly targets: readonly { readonly at: Place; readonly target: EmissionTarget }[]
  /** null: it runs */
  readonly notice: { readonly at: Place; readonly freeAt: number } | null
  readonly returned: Place | null
  /** its owner's part, over all spans */
  readonly kept: bigint
}

/** What became of the part of a task or an arena that the account's locks are or were for. */
export interface TargetExplained {
  readonly target: EmissionTarget
  /** by this account's weight, cut off to whole wei at each turn of a lock */
  readonly brought: bigint
  /** by everybody's: moved into its pool, burnt because it was over, waiting to be pulled */
  readonly pulled: bigint
  readonly burnt: bigint
  readonly waiting: bigint
}

export interface EmissionsExplained {
  readonly account: Address
  readonly block: number
  readonly holderBps: number
  readonly locks: readonly LockExplained[]
  readonly spans: readonly EmissionSpan[]
  readonly targets: readonly TargetExplained[]
  readonly claims: readonly { readonly at: Place; readonly amount: bigint }[]
  readonly totals: { readonly earned: bigint; readonly claimed: bigint; readonly claimable: bigint }
  /** empty, unless the contract emitted otherwise than docs/emissions.md says */
  readonly disagreements: readonly Disagreement[]
}

/** Pure. @throws CoveyError E_CONFIG when there are no emissions | E_CONTRACT when events contradict each other */
export function explainEmissions(history: History, account: Address): EmissionsExplained {
  if (history.emissions === undefined)
    throw new CoveyError('E_CONFIG', 'this deployment has no emissions: `covey emissions deploy` adds them')
  const replay = new EmissionReplay(history.emissions, account)
  for (const event of history.events) {
    if (event.contract !== 'emissions') continue
    try {
      replay.apply(event)
    } catch (cause) {
      const message = `${event.name} in block ${event.block} does not follow from what was before it: ${messageOf(cause)}; check the addresses file`
      throw new CoveyError('E_CONTRACT', message, { event: event.name, block: event.block }, { cause })
    }
  }
  return replay.explained(history.block)
}

type MutableLock = Mutable<LockExplained> & {
  readonly targets: LockExplained['targets'][number][]
  /** what a weight of one had earned when it was turned to its target */
  index: bigint
}

class EmissionReplay {
  readonly #account: Address
  readonly #books: EmissionBooks
  readonly #kinds: ReadonlyMap<Address, EmissionTarget['kind']>
  readonly #now: number
  readonly #locks = new Map<number, MutableLock>()
  readonly #spans: EmissionSpan[] = []
  readonly #targets = new Map<string, Mutable<TargetExplained>>()
  readonly #claims: EmissionsExplained['claims'][number][] = []
  readonly #disagreements: Disagreement[] = []
  /** of the span that is open */
  #since = { time: 0, index: 0n, emitted: 0n }
  /** in all so far, to everybody */
  #emitted = 0n
  #claimed = 0n
  /** a lock whose target the next event names */
  #fresh: { readonly event: HistoryEvent; readonly lock: Omit<BookedLock, 'freeAt' | 'target'> } | null = null

  constructor({ terms, kinds, time }: NonNullable<History['emissions']>, account: Address) {
    this.#account = account
    this.#books = new EmissionBooks(terms)
    this.#kinds = kinds
    this.#now = time
  }

  apply(event: HistoryEvent): void {
    const { name, time } = event
    if (name === 'Opened') {
      this.#compare(event, 'the supply', argOf.amount(event, 'supply'), this.#books.terms.supply)
      this.#books.open(time)
      return
    }
    const due = this.#roll(time)
    if (name === 'Emitted') {
      this.#compare(event, 'what was emitted', argOf.amount(event, 'amount'), due)
      this.#compare(event, "the weights' index", argOf.amount(event, 'index'), this.#books.index)
      return
    }
    // every other event comes after the `Emitted` of its transaction
    this.#compare(event, 'what was emitted without a word', 0n, due)
    if (name === 'Locked') this.#locked(event)
    else if (name === 'Directed') this.#directed(event)
    else if (name === 'NoticeGiven') this.#noticed(event)
    else if (name === 'Returned') this.#returned(event)
    else if (name === 'HolderPaid') this.#paid(event)
    else if (name === 'Pulled') this.#pulled(event)
  }

  explained(block: number): EmissionsExplained {
    this.#roll(this.#now)
    this.#credit(this.#now)
    for (const lock of this.#locks.values()) this.#bring(lock)
    const earned = this.#spans.reduce((sum, span) => sum + span.kept, 0n)
    return {
      account: this.#account,
      block,
      holderBps: this.#books.terms.holderBps,
      locks: [...this.#locks.values()].map(({ index: _, ...lock }) => lock),
      spans: this.#spans,
      targets: [...this.#targets.values()]
        .filter(({ target }) =>
          [...this.#locks.values()].some((lock) => lock.targets.some((t) => same(t.target, target))),
        )
        .map((t) => ({ ...t, waiting: this.#books.target(t.target, this.#now).waiting })),
      claims: this.#claims,
      totals: { earned, claimed: this.#claimed, claimable: earned - this.#claimed },
      disagreements: this.#disagreements,
    }
  }

  #roll(time: number): bigint {
    const amount = this.#books.roll(time)
    this.#emitted += amount
    return amount
  }

  #locked(event: HistoryEvent): void {
    const id = argOf.number(event, 'id')
    const [owner, amount] = [argOf.account(event, 'owner'), argOf.amount(event, 'amount')]
    this.#fresh = { event, lock: { id, owner, amount, noticeDays: argOf.number(event, 'noticeDays') } }
  }

  #directed(event: HistoryEvent): void {
    const id = argOf.number(event, 'id')
    const target = this.#targetOf(event)
    const fresh = this.#fresh?.lock.id === id ? this.#fresh.lock : null
    this.#fresh = null
    const at = placeOf(event)
    if (fresh !== null) {
      const mine = fresh.owner === this.#account
      if (mine) this.#credit(event.time)
      this.#books.lock({ ...fresh, target })
      const { owner: _, ...lock } = fresh
      const weight = lockWeight(fresh.amount, fresh.noticeDays)
      const { index } = this.#books
      const rest = { weight, at, targets: [{ at, target }], notice: null, returned: null, kept: 0n, index }
      if (mine) this.#locks.set(id, { ...lock, ...rest })
      return
    }
    this.#books.direct(this.#lockOf(id), target)
    const mine = this.#locks.get(id)
    if (mine === undefined) return
    this.#bring(mine)
    mine.targets.push({ at, target })
  }

  #noticed(event: HistoryEvent): void {
    const id = argOf.number(event, 'id')
    const freeAt = argOf.number(event, 'freeAt')
    const mine = this.#locks.get(id)
    if (mine !== undefined) {
      this.#credit(event.time)
      this.#bring(mine)
      mine.notice = { at: placeOf(event), freeAt }
    }
    this.#books.unlock(this.#lockOf(id), freeAt)
  }

  #returned(event: HistoryEvent): void {
    const id = argOf.number(event, 'id')
    this.#compare(event, `what lock ${id} gave back`, argOf.amount(event, 'amount'), this.#lockOf(id).amount)
    this.#books.locks.delete(id)
    const mine = this.#locks.get(id)
    if (mine !== undefined) mine.returned = placeOf(event)
  }

  #paid(event: HistoryEvent): void {
    const [account, amount] = [argOf.account(event, 'owner'), argOf.amount(event, 'amount')]
    if (account === this.#account) {
      this.#credit(event.time)
      this.#claims.push({ at: placeOf(event), amount })
      this.#claimed += amount
    }
    this.#compare(event, `what ${account} claimed`, amount, this.#books.claim(account))
  }

  #pulled(event: HistoryEvent): void {
    const target = this.#targetOf(event)
    const amount = argOf.amount(event, 'amount')
    this.#compare(event, `the part of ${target.kind} ${target.id}`, amount, this.#books.pull(target))
    const told = this.#told(target)
    if (event.args.burnt === true) told.burnt += amount
    else told.pulled += amount
  }

  /** Ends the open span: what the account's weight earned in it is its own from now on. */
  #credit(time: number): void {
    const { terms, index } = this.#books
    const { time: from, index: before, emitted } = this.#since
    this.#since = { time, index, emitted: this.#emitted }
    const running = [...this.#locks.values()].filter(({ notice }) => notice === null)
    const weight = running.reduce((sum, lock) => sum + lock.weight, 0n)
    if (weight === 0n || time === from) return
    const earned = emissionEarned(weight, index - before)
    const locks = running.map((lock) => {
      const kept = holdersPart(emissionEarned(lock.weight, index - before), terms.holderBps)
      lock.kept += kept
      return { id: lock.id, weight: lock.weight, kept }
    })
    const kept = holdersPart(earned, terms.holderBps)
    this.#spans.push({ from, to: time, emitted: this.#emitted - emitted, weight, earned, kept, locks })
  }

  /** What the lock brought to its target since it was turned to it. */
  #bring(lock: MutableLock): void {
    const { index, terms } = this.#books
    const target = lock.targets.at(-1)?.target
    if (target === undefined || lock.notice !== null) return
    this.#told(target).brought += targetsPart(emissionEarned(lock.weight, index - lock.index), terms.holderBps)
    lock.index = index
  }

  #told(target: EmissionTarget): Mutable<TargetExplained> {
    const key = targetKey(target)
    const known = this.#targets.get(key) ?? { target, brought: 0n, pulled: 0n, burnt: 0n, waiting: 0n }
    this.#targets.set(key, known)
    return known
  }

  #targetOf(event: HistoryEvent): EmissionTarget {
    const where = argOf.account(event, 'where')
    const kind = this.#kinds.get(where)
    if (kind === undefined) throw new Error(`nobody told what the contract at ${where} is`)
    return { kind, id: argOf.number(event, 'target') }
  }

  #lockOf(id: number): BookedLock {
    const lock = this.#books.locks.get(id)
    if (lock === undefined) throw new Error(`there is no lock ${id}`)
    return lock
  }

  #compare(event: HistoryEvent, what: string, chain: bigint, rules: bigint): void {
    if (chain !== rules) this.#disagreements.push({ at: placeOf(event), what, chain, rules })
  }
}

const same = (a: EmissionTarget, b: EmissionTarget): boolean => a.kind === b.kind && a.id === b.id
