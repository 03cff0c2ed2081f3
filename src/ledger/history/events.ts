/** What has happened on chain, in order: enough to explain every payment, and nothing that only a node remembers. */
import type { ArenaParams } from '../../types/arena.ts'
import type { EmissionTarget, EmissionTerms } from '../../types/emissions.ts'
import type { Address, Hex, TaskParams } from '../../types/ledger.ts'

/** An event of one of the contracts, by its Solidity names (contracts/interfaces). */
export interface HistoryEvent {
  readonly contract: 'tasks' | 'vault' | 'arena' | 'emissions'
  readonly name: string
  readonly block: number
  /** within the block */
  readonly index: number
  /** of the block, unix seconds */
  readonly time: number
  readonly transaction: Hex
  /** whole numbers are bigint, whatever their Solidity type */
  readonly args: Readonly<Record<string, unknown>>
}

export interface History {
  /** the last block that was looked at */
  readonly block: number
  readonly events: readonly HistoryEvent[]
  readonly unbondingSeconds: number
  /** a task's terms: they are in the transaction that created it, not in its event */
  readonly params: ReadonlyMap<number, TaskParams>
  /** an arena's, likewise */
  readonly arenaParams: ReadonlyMap<number, ArenaParams>
  /** of a deployment that has emissions; their terms are in the transaction that deployed them */
  readonly emissions?: {
    readonly terms: EmissionTerms
    /** contract -> what the targets there are */
    readonly kinds: ReadonlyMap<Address, EmissionTarget['kind']>
    /** of the history's last block, unix seconds: the schedule goes on between events */
    readonly time: number
  }
}

/** Where an event stands, for those who want to look it up. */
export interface Place {
  readonly block: number
  /** unix seconds */
  readonly time: number
  readonly transaction: Hex
}

export const placeOf = ({ block, time, transaction }: HistoryEvent): Place => ({ block, time, transaction })

/** Reads an event's arguments. @throws TypeError when one is of another kind: a decoder's mistake */
export const argOf = {
  amount: (event: HistoryEvent, name: string): bigint => {
    const value = event.args[name]
    if (typeof value === 'bigint') return value
    throw new TypeError(`${event.name}.${name}: expected a whole number, got ${typeof value}`)
  },
  number: (event: HistoryEvent, name: string): number => Number(argOf.amount(event, name)),
  account: (event: HistoryEvent, name: string): Address => argOf.text(event, name) as Address,
  text: (event: HistoryEvent, name: string): string => {
    const value = event.args[name]
    if (typeof value === 'string') return value
    throw new TypeError(`${event.name}.${name}: expected text, got ${typeof value}`)
  },
  accounts: (event: HistoryEvent, name: string): readonly Address[] => {
    const value = event.args[name]
    if (Array.isArray(value)) return value as Address[]
    throw new TypeError(`${event.name}.${name}: expected a list, got ${typeof value}`)
  },
}
