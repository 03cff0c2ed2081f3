/** The rounds of all tasks as their events tell them, up to the workings of their settlement. */
import { unpackScores } from '../../round/packed-scores.ts'
import { roundBudget, settleOpenly, type Workings } from '../../round/settlement.ts'
import type { Address, ProposerSeat, Settlement, TaskParams, VoterSeat } from '../../types/ledger.ts'
import { hexToDigest } from '../abi/commitment.ts'
import { argOf, type HistoryEvent } from './events.ts'

/** Weights are whole gwei, as in the contract's sum tree. */
const GWEI = 10n ** 9n

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export interface RoundStory {
  readonly contract: 'tasks'
  readonly task: number
  readonly round: number
  /** unix seconds */
  readonly drawnAt: number
  readonly proposers: readonly Mutable<ProposerSeat>[]
  readonly voters: readonly Mutable<VoterSeat>[]
  probe: boolean
  /** null until it is settled */
  settled: { readonly budget: bigint; readonly settlement: Settlement; readonly workings: Workings } | null
}

interface TaskStory {
  readonly creator: Address
  poolLeft: bigint
  round: RoundStory | null
}

export class RoundStories {
  readonly #params: ReadonlyMap<number, TaskParams>
  readonly #tasks = new Map<number, TaskStory>()
  /** what an account would be drawn by now */
  readonly #weightOf: (account: Address) => bigint
  /** what an account is drawn by in a task: a slash in an arena reaches a task's tree only with the next change of the stake */
  readonly #leaves = new Map<number, Map<Address, bigint>>()

  constructor(params: ReadonlyMap<number, TaskParams>, weightOf: (account: Address) => bigint) {
    this.#params = params
    this.#weightOf = weightOf
  }

  /** The task's open round, or the one that was settled last. */
  current(task: number): RoundStory | null {
    return this.#tasks.get(task)?.round ?? null
  }

  creator(task: number): Address | null {
    return this.#tasks.get(task)?.creator ?? null
  }

  /** The vault has told the tasks of a change of an account's stake. */
  noticed(account: Address): void {
    for (const leaves of this.#leaves.values()) if (leaves.has(account)) leaves.set(account, this.#weightOf(account))
  }

  /** Takes note of an event of the tasks contract; those that pay or slash find their round settled. */
  apply(event: HistoryEvent): void {
    if (!('id' in event.args)) return
    const id = argOf.number(event, 'id')
    if (event.name === 'TaskCreated') {
      this.#tasks.set(id, {
        creator: argOf.account(event, 'creator'),
        poolLeft: argOf.amount(event, 'pool'),
        round: null,
      })
      return
    }
    const task = this.#tasks.get(id)
    if (task === undefined) return
    if (event.name === 'TaskFunded') task.poolLeft += argOf.amount(event, 'amount')
    // paid before the round that it helps on is settled
    if (event.name === 'KeeperPaid') task.poolLeft -= argOf.amount(event, 'amount')
    if (event.name === 'Joined') this.#enrol(id, argOf.account(event, 'account'))
    if (event.name === 'Left') this.#leaves.get(id)?.delete(argOf.account(event, 'account'))
    if (event.name === 'RoundStarted') task.round = this.#draw(id, event)
    const { round } = task
    if (round === null) return
    if (['Rewarded', 'Penalized', 'RoundSettled'].includes(event.name)) this.#settle(id, task, round)
    if (event.name === 'RoundSettled') task.poolLeft -= argOf.amount(event, 'paid')
    this.#act(round, event)
  }

  #enrol(task: number, account: Address): void {
    const leaves = this.#leaves.get(task) ?? new Map<Address, bigint>()
    this.#leaves.set(task, leaves.set(account, this.#weightOf(account)))
  }

  #draw(task: number, event: HistoryEvent): RoundStory {
    const seat = (account: Address) => {
      const power = this.#leaves.get(task)?.get(account) ?? this.#weightOf(account)
      return { account, weight: power - (power % GWEI), commitment: null }
    }
    return {
      contract: 'tasks',
      task,
      round: argOf.number(event, 'round'),
      drawnAt: event.time,
      proposers: argOf.accounts(event, 'proposers').map((account) => ({ ...seat(account), reveal: null })),
      voters: argOf.accounts(event, 'voters').map((account) => ({ ...seat(account), scores: null })),
      probe: false,
      settled: null,
    }
  }

  #act(round: RoundStory, event: HistoryEvent): void {
    if (event.name === 'ProbeRevealed') round.probe = true
    if (!('account' in event.args)) return
    const account = argOf.account(event, 'account')
    const proposer = round.proposers.find((seat) => seat.account === account)
    const voter = round.voters.find((seat) => seat.account === account)
    if (event.name === 'Committed' && proposer) proposer.commitment = argOf.text(event, 'commitment') as `0x${string}`
    if (event.name === 'ScoresCommitted' && voter) voter.commitment = argOf.text(event, 'commitment') as `0x${string}`
    if (event.name === 'Revealed' && proposer)
      proposer.reveal = {
        digest: hexToDigest(argOf.text(event, 'deltaDigest')) ?? '',
        size: argOf.number(event, 'size'),
        baseDigest: hexToDigest(argOf.text(event, 'baseDigest')) ?? '',
      }
    if (event.name === 'ScoresRevealed' && voter) {
      const packed = Buffer.from(argOf.text(event, 'packedScores').slice(2), 'hex')
      voter.scores = unpackScores(Uint8Array.from(packed), round.proposers.length)
    }
  }

  #settle(id: number, task: TaskStory, round: RoundStory): void {
    const params = this.#params.get(id)
    if (round.settled !== null || params === undefined) return
    const budget = roundBudget(task.poolLeft, params.rounds, round.round)
    const input = { ...round, budget, rules: params.rules }
    round.settled = { budget, ...settleOpenly(input) }
  }
}
