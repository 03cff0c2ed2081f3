/** The epochs of all arenas as their events tell them: who had which seat, with how much behind it. */
import type { Address } from '../../types/ledger.ts'
import { argOf, type HistoryEvent } from './events.ts'

/** Weights are whole gwei, as in the contract's sum tree. */
const GWEI = 10n ** 9n

export interface EpochStory {
  readonly contract: 'arena'
  /** the arena's number */
  readonly task: number
  /** the epoch's number */
  readonly round: number
  readonly seats: ReadonlyMap<Address, EpochSeat>
}

export interface EpochSeat {
  readonly role: 'entrant' | 'validator'
  /** own and delegated stake when the adapter was committed, or the validator drawn, wei */
  readonly weight: bigint
  /** unix seconds */
  readonly drawnAt: number
}

interface ArenaStory {
  readonly creator: Address
  epoch: (EpochStory & { readonly seats: Map<Address, EpochSeat> }) | null
}

export class EpochStories {
  readonly #arenas = new Map<number, ArenaStory>()
  readonly #weightOf: (account: Address) => bigint

  /** @param weightOf what an account is drawn by now */
  constructor(weightOf: (account: Address) => bigint) {
    this.#weightOf = weightOf
  }

  current(arena: number): EpochStory | null {
    return this.#arenas.get(arena)?.epoch ?? null
  }

  creator(arena: number): Address | null {
    return this.#arenas.get(arena)?.creator ?? null
  }

  apply(event: HistoryEvent): void {
    const { name } = event
    if (name === 'ArenaCreated') {
      this.#arenas.set(argOf.number(event, 'arena'), { creator: argOf.account(event, 'creator'), epoch: null })
      return
    }
    if (name !== 'EpochStarted' && name !== 'AdapterCommitted') return
    const id = argOf.number(event, 'arena')
    const arena = this.#arenas.get(id)
    if (arena === undefined) return
    const seat = (account: Address, role: EpochSeat['role']): [Address, EpochSeat] => {
      const power = this.#weightOf(account)
      return [account, { role, weight: power - (power % GWEI), drawnAt: event.time }]
    }
    if (name === 'EpochStarted') {
      const seats = new Map(argOf.accounts(event, 'validators').map((account) => seat(account, 'validator')))
      arena.epoch = { contract: 'arena', task: id, round: argOf.number(event, 'epoch'), seats }
    } else {
      arena.epoch?.seats.set(...seat(argOf.account(event, 'account'), 'entrant'))
    }
  }
}
