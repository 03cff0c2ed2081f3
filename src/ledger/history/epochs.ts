/** The epochs of all arenas as their events tell them, up to the workings of their settlement. */
import { type ArenaWorkings, settleEpochOpenly } from '../../round/arena.ts'
import { unpackScoreList } from '../../round/score-list.ts'
import type { ArenaEntry, ArenaParams, ArenaSettlement, ValidatorSeat } from '../../types/arena.ts'
import type { Address, Hex } from '../../types/ledger.ts'
import { hexToDigest } from '../abi/commitment.ts'
import { argOf, type HistoryEvent } from './events.ts'

/** Weights are whole gwei, as in the contract's sum tree. */
const GWEI = 10n ** 9n

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Unix seconds at which what stood behind a seat was looked at. */
interface Drawn {
  readonly drawnAt: number
}

export interface EpochStory {
  readonly contract: 'arena'
  /** the arena's number */
  readonly task: number
  /** the epoch's number */
  readonly round: number
  readonly params: ArenaParams
  /** the epoch's reward when it began, wei */
  readonly budget: bigint
  /** there was one to be measured beside when it began */
  readonly champion: boolean
  readonly entries: readonly (Mutable<ArenaEntry> & Drawn)[]
  readonly validators: readonly (Mutable<ValidatorSeat> & Drawn)[]
  slice: boolean
  /** what keepers got of the reward, wei */
  fees: bigint
  /** null until it is settled */
  settled: { readonly settlement: ArenaSettlement; readonly workings: ArenaWorkings } | null
}

interface ArenaStory {
  readonly creator: Address
  /** digest -> epoch in which it was first revealed */
  readonly firsts: Map<string, number>
  champion: boolean
  epoch: (EpochStory & { readonly entries: EpochStory['entries'][number][] }) | null
}

/** Events that come out of a settlement: at the first of them all that it looks at is known. */
const SETTLES: ReadonlySet<string> = new Set(['ArenaRewarded', 'ArenaPenalized', 'ChampionChanged', 'EpochSettled'])

export class EpochStories {
  readonly #params: ReadonlyMap<number, ArenaParams>
  readonly #arenas = new Map<number, ArenaStory>()
  readonly #weightOf: (account: Address) => bigint

  /** @param weightOf what an account is drawn by now */
  constructor(params: ReadonlyMap<number, ArenaParams>, weightOf: (account: Address) => bigint) {
    this.#params = params
    this.#weightOf = weightOf
  }

  current(arena: number): EpochStory | null {
    return this.#arenas.get(arena)?.epoch ?? null
  }

  creator(arena: number): Address | null {
    return this.#arenas.get(arena)?.creator ?? null
  }

  apply(event: HistoryEvent): void {
    if (!('arena' in event.args)) return
    const id = argOf.number(event, 'arena')
    if (event.name === 'ArenaCreated') {
      const creator = argOf.account(event, 'creator')
      this.#arenas.set(id, { creator, firsts: new Map(), champion: false, epoch: null })
      return
    }
    const arena = this.#arenas.get(id)
    if (arena === undefined) return
    if (event.name === 'EpochStarted') arena.epoch = this.#begin(id, arena, event)
    const { epoch } = arena
    if (epoch === null) return
    if (SETTLES.has(event.name)) settle(epoch)
    if (event.name === 'ChampionChanged') arena.champion = true
    this.#act(arena, epoch, event)
  }

  #weigh(account: Address): bigint {
    const power = this.#weightOf(account)
    return power - (power % GWEI)
  }

  #begin(task: number, { champion }: ArenaStory, event: HistoryEvent): ArenaStory['epoch'] {
    const params = this.#params.get(task)
    if (params === undefined) throw new Error(`nobody told the terms of arena ${task}`)
    const validators = argOf.accounts(event, 'validators').map((account) => {
      return { account, weight: this.#weigh(account), commitment: null, scores: null, drawnAt: event.time }
    })
    const round = argOf.number(event, 'epoch')
    const budget = argOf.amount(event, 'budget')
    const fresh = { entries: [], validators, slice: false, fees: 0n, settled: null }
    return { contract: 'arena', task, round, params, budget, champion, ...fresh }
  }

  #act(arena: ArenaStory, epoch: NonNullable<ArenaStory['epoch']>, event: HistoryEvent): void {
    if (event.name === 'SliceRevealed') epoch.slice = true
    if (event.name === 'KeeperPaid') epoch.fees += argOf.amount(event, 'amount')
    if (!('account' in event.args)) return
    const account = argOf.account(event, 'account')
    const entry = epoch.entries.find((seat) => seat.account === account)
    const validator = epoch.validators.find((seat) => seat.account === account)
    if (event.name === 'AdapterCommitted') {
      const commitment = argOf.text(event, 'commitment') as Hex
      const seat = { account, weight: this.#weigh(account), commitment, reveal: null, copied: false, since: 0 }
      epoch.entries.push({ ...seat, drawnAt: event.time })
    } else if (event.name === 'AdapterRevealed' && entry !== undefined) {
      const digest = hexToDigest(argOf.text(event, 'digest')) ?? ''
      const since = arena.firsts.get(digest) ?? epoch.round
      arena.firsts.set(digest, since)
      entry.reveal = { digest, size: argOf.number(event, 'size') }
      entry.since = since
      entry.copied = event.args.copied === true
    } else if (event.name === 'ArenaScoresCommitted' && validator !== undefined) {
      validator.commitment = argOf.text(event, 'commitment') as Hex
    } else if (event.name === 'ArenaScoresRevealed' && validator !== undefined) {
      validator.scores = unpackScoreList(Buffer.from(argOf.text(event, 'packedScores').slice(2), 'hex'))
    }
  }
}

function settle(epoch: NonNullable<ArenaStory['epoch']>): void {
  if (epoch.settled !== null) return
  const { params, budget, fees, slice, champion, entries, validators } = epoch
  const input = { budget: budget - fees, rules: params.rules, slice, champion, entries, validators }
  epoch.settled = settleEpochOpenly(input)
}
