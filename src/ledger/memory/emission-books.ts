/**
 * Who has earned what of the emissions: the numbers of contracts/Emissions.sol without its checks, for the contract's twin and for
 * whoever replays its events. The clock is rolled on (`roll`) before anything that moves a weight or reads what one has earned.
 */
import {
  advanceClock,
  type EmissionClock,
  emissionEarned,
  emissionStep,
  holdersPart,
  lockWeight,
  schedulePassed,
  targetsPart,
} from '../../round/emissions.ts'
import type { EmissionShare, EmissionTarget, EmissionTerms } from '../../types/emissions.ts'
import type { Address } from '../../types/ledger.ts'

export interface BookedLock {
  readonly id: number
  readonly owner: Address
  readonly amount: bigint
  readonly noticeDays: number
  /** unix seconds; null = no notice was given */
  freeAt: number | null
  target: EmissionTarget
}

/** A weight, and what it has earned up to `index`. */
interface Share {
  weight: bigint
  owed: bigint
  index: bigint
}

/** Where the schedule stands at a moment: `amount` was emitted since it was rolled on last. */
export interface Rolled {
  readonly clock: EmissionClock
  readonly amount: bigint
  /** what a weight of one has earned, 2^-128 wei */
  readonly index: bigint
}

const EMPTY_CLOCK: EmissionClock = { left: 0n, given: 0n, position: 0n, day: 0 }
export const targetKey = ({ kind, id }: EmissionTarget): string => `${kind}/${id}`

export class EmissionBooks {
  readonly terms: EmissionTerms
  readonly locks = new Map<number, BookedLock>()
  readonly #holders = new Map<string, Share>()
  readonly #targets = new Map<string, Share>()
  #clock = EMPTY_CLOCK
  /** up to when time was counted, unix seconds */
  #counted: number | null = null
  #index = 0n
  #totalWeight = 0n

  constructor(terms: EmissionTerms) {
    this.terms = terms
  }

  get opened(): boolean {
    return this.#counted !== null
  }

  get totalWeight(): bigint {
    return this.#totalWeight
  }

  get index(): bigint {
    return this.#index
  }

  open(time: number): void {
    this.#clock = { ...EMPTY_CLOCK, left: this.terms.supply }
    this.#counted = time
  }

  /** Emits what is due at `time`. @returns how much */
  roll(time: number): bigint {
    const { clock, amount, index } = this.rolled(time)
    this.#clock = clock
    this.#index = index
    if (this.#counted !== null) this.#counted = time
    return amount
  }

  /** Where `roll` would bring it. */
  rolled(time: number): Rolled {
    const { rate, fullWeight } = this.terms
    const [clock, index] = [this.#clock, this.#index]
    if (this.#counted === null) return { clock, amount: 0n, index }
    const step = schedulePassed(time - this.#counted, this.#totalWeight, fullWeight)
    if (step === 0n) return { clock, amount: 0n, index }
    const next = advanceClock(clock, step, rate)
    return { ...next, index: index + emissionStep(next.amount, this.#totalWeight) }
  }

  holder(account: Address, time: number): EmissionShare {
    return this.#waiting(this.#holders.get(account), time, holdersPart)
  }

  target(target: EmissionTarget, time: number): EmissionShare {
    return this.#waiting(this.#targets.get(targetKey(target)), time, targetsPart)
  }

  // ---- after a roll

  lock(lock: Omit<BookedLock, 'freeAt'>): void {
    this.locks.set(lock.id, { ...lock, freeAt: null })
    const weight = lockWeight(lock.amount, lock.noticeDays)
    this.#creditTarget(lock.target).weight += weight
    this.#creditHolder(lock.owner).weight += weight
    this.#totalWeight += weight
  }

  direct(lock: BookedLock, target: EmissionTarget): void {
    const weight = lockWeight(lock.amount, lock.noticeDays)
    this.#creditTarget(lock.target).weight -= weight
    this.#creditTarget(target).weight += weight
    lock.target = target
  }

  unlock(lock: BookedLock, freeAt: number): void {
    const weight = lockWeight(lock.amount, lock.noticeDays)
    this.#creditTarget(lock.target).weight -= weight
    this.#creditHolder(lock.owner).weight -= weight
    this.#totalWeight -= weight
    lock.freeAt = freeAt
  }

  /** What is paid out. */
  claim(account: Address): bigint {
    return take(this.#creditHolder(account))
  }

  pull(target: EmissionTarget): bigint {
    return take(this.#creditTarget(target))
  }

  #waiting(share: Share | undefined, time: number, part: typeof targetsPart): EmissionShare {
    if (share === undefined) return { weight: 0n, waiting: 0n }
    const { weight, owed, index } = share
    const earned = emissionEarned(weight, this.rolled(time).index - index)
    return { weight, waiting: owed + part(earned, this.terms.holderBps) }
  }

  #creditTarget(target: EmissionTarget): Share {
    return this.#credited(this.#targets, targetKey(target), targetsPart)
  }

  #creditHolder(account: Address): Share {
    return this.#credited(this.#holders, account, holdersPart)
  }

  #credited(shares: Map<string, Share>, key: string, part: typeof targetsPart): Share {
    const share = shares.get(key) ?? { weight: 0n, owed: 0n, index: 0n }
    shares.set(key, share)
    share.owed += part(emissionEarned(share.weight, this.#index - share.index), this.terms.holderBps)
    share.index = this.#index
    return share
  }
}

function take(share: Share): bigint {
  const { owed } = share
  share.owed = 0n
  return owed
}
