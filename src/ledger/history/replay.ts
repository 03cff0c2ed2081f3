/**
 * Runs a chain's history again, by the rules of the in-memory twins: what each account had at stake, was owed and lost, event
 * by event. Where the rules and an event disagree on a number, the chain's counts, and the disagreement is kept to be told.
 */
import { CoveyError, messageOf } from '../../base/errors.ts'
import { MAX_COMMISSION_BPS } from '../../round/delegation.ts'
import type { Address } from '../../types/ledger.ts'
import { MemoryVault } from '../memory/vault.ts'
import { EpochStories, type EpochStory } from './epochs.ts'
import { argOf, type History, type HistoryEvent, type Place, placeOf } from './events.ts'
import { RoundStories, type RoundStory } from './rounds.ts'

/** A round of a task, or an epoch of an arena. */
export type Story = RoundStory | EpochStory

/** What a seat was paid, wei. */
export interface Payment {
  readonly round: Story
  readonly account: Address
  readonly amount: bigint
  /** the part of those who delegate to the account */
  readonly delegators: bigint
  /** 1/10,000, at that moment */
  readonly commissionBps: number
}

/** What a seat lost, wei. */
export interface Penalty {
  readonly round: Story
  readonly account: Address
  readonly bps: number
  readonly burnt: bigint
}

/** What one event did. */
export type Effect =
  | ({ readonly kind: 'paid' } & Payment)
  | ({ readonly kind: 'slashed' } & Penalty)
  | { readonly kind: 'kept'; readonly round: Story; readonly account: Address; readonly amount: bigint }
  | { readonly kind: 'refunded'; readonly task: number; readonly creator: Address; readonly amount: bigint }
  | { readonly kind: 'other' }

/** The rules say another number than the chain. */
export interface Disagreement {
  readonly at: Place
  readonly what: string
  readonly chain: bigint
  readonly rules: bigint
}

/** Changes of stake that the vault tells the tasks of. */
const TOLD: ReadonlySet<string> = new Set(['Deposited', 'WithdrawRequested', 'Delegated', 'Undelegated'])

export class Replay {
  readonly vault: MemoryVault
  readonly disagreements: Disagreement[] = []
  readonly #rounds: RoundStories
  readonly #epochs: EpochStories
  /** what the vault said of the reward or slash that a contract is about to name */
  #announced: HistoryEvent | null = null

  constructor({ unbondingSeconds, params, arenaParams }: Pick<History, 'unbondingSeconds' | 'params' | 'arenaParams'>) {
    this.vault = new MemoryVault(unbondingSeconds)
    const weightOf = (account: Address): bigint => this.vault.weightOf(account)
    this.#rounds = new RoundStories(params, weightOf)
    this.#epochs = new EpochStories(arenaParams, weightOf)
  }

  /** The round that an event of the tasks contract is about. */
  round(event: HistoryEvent): RoundStory | null {
    return event.contract === 'tasks' ? this.#rounds.current(argOf.number(event, 'id')) : null
  }

  /** The epoch that an event of the arenas' contract is about. */
  epoch(event: HistoryEvent): EpochStory | null {
    const about = event.contract === 'arena' && 'arena' in event.args
    return about ? this.#epochs.current(argOf.number(event, 'arena')) : null
  }

  /** @throws CoveyError E_CONTRACT when an event cannot have come out of these contracts */
  apply(event: HistoryEvent): Effect {
    try {
      if (event.contract === 'vault') this.#vault(event)
      else if (event.contract === 'tasks') return this.#tasks(event)
      else if (event.contract === 'arena') return this.#arena(event)
      return { kind: 'other' }
    } catch (cause) {
      const message = `${event.name} in block ${event.block} does not follow from what was before it: ${messageOf(cause)}; check the addresses file`
      throw new CoveyError('E_CONTRACT', message, { event: event.name, block: event.block }, { cause })
    }
  }

  #tasks(event: HistoryEvent): Effect {
    this.#rounds.apply(event)
    const { name } = event
    if (name === 'Rewarded') return this.#paid(event)
    if (name === 'Penalized') return this.#slashed(event)
    if (name === 'KeeperPaid') {
      const round = this.round(event)
      if (round === null) throw new Error('a phase was ended of a task without a round')
      return { kind: 'kept', round, account: argOf.account(event, 'account'), amount: argOf.amount(event, 'amount') }
    }
    if (name === 'RoundSettled') this.#settled(event)
    if (name === 'TaskFinished' || name === 'TaskCancelled') {
      const task = argOf.number(event, 'id')
      const creator = this.#rounds.creator(task)
      if (creator !== null) return { kind: 'refunded', task, creator, amount: argOf.amount(event, 'refund') }
    }
    return { kind: 'other' }
  }

  #arena(event: HistoryEvent): Effect {
    this.#epochs.apply(event)
    const { name } = event
    if (name === 'ArenaRewarded') return this.#paid(event)
    if (name === 'ArenaPenalized') return this.#slashed(event)
    if (name === 'KeeperPaid') {
      const round = this.epoch(event)
      if (round === null) throw new Error('a phase was ended of an arena without an epoch')
      return { kind: 'kept', round, account: argOf.account(event, 'account'), amount: argOf.amount(event, 'amount') }
    }
    if (name === 'EpochSettled') this.#epochSettled(event)
    if (name === 'ArenaFinished' || name === 'ArenaCancelled') {
      const task = argOf.number(event, 'arena')
      const creator = this.#epochs.creator(task)
      if (creator !== null) return { kind: 'refunded', task, creator, amount: argOf.amount(event, 'refund') }
    }
    return { kind: 'other' }
  }

  #settled(event: HistoryEvent): void {
    const settlement = this.round(event)?.settled?.settlement
    const seats = [...(settlement?.proposers ?? []), ...(settlement?.voters ?? [])]
    const ruled = seats.reduce((sum, seat) => sum + seat.paid, 0n)
    this.#compare(event, 'what the round paid', argOf.amount(event, 'paid'), ruled)
  }

  #epochSettled(event: HistoryEvent): void {
    const settlement = this.epoch(event)?.settled?.settlement
    const seats = [...(settlement?.entries ?? []), ...(settlement?.validators ?? [])]
    const ruled = seats.reduce((sum, seat) => sum + seat.paid, 0n)
    this.#compare(event, 'what the epoch paid', argOf.amount(event, 'paid'), ruled)
    const median = BigInt(settlement?.championMedian ?? 0)
    this.#compare(event, "the champion's median", argOf.amount(event, 'championMedian'), median)
  }

  #paid(event: HistoryEvent): Effect {
    const account = argOf.account(event, 'account')
    const amount = argOf.amount(event, 'amount')
    const { round, weight, drawnAt } = this.#seat(event, account)
    const { commissionBps } = this.vault.operator(account, event.time)
    const delegators = this.vault.reward(account, amount, weight, drawnAt, event.time)
    const told = this.#take('DelegatorsRewarded', 'operator', account)
    this.#compare(event, `what the seat of ${account} earned`, amount, ruled(round, account)?.paid ?? 0n)
    this.#compare(
      event,
      `the delegators' part of ${account}`,
      told === null ? 0n : argOf.amount(told, 'amount'),
      delegators,
    )
    return { kind: 'paid', round, account, amount, delegators, commissionBps }
  }

  #slashed(event: HistoryEvent): Effect {
    const account = argOf.account(event, 'account')
    const bps = argOf.number(event, 'bps')
    const { round, weight, drawnAt } = this.#seat(event, account)
    const burnt = this.vault.slash(account, bps, weight, drawnAt, event.time)
    if (event.contract === 'tasks') this.#rounds.noticed(account)
    this.#take('Slashed', 'account', account)
    this.#compare(event, `what ${account} lost`, argOf.amount(event, 'amount'), burnt)
    return { kind: 'slashed', round, account, bps, burnt }
  }

  #vault(event: HistoryEvent): void {
    const { vault } = this
    const { name, time } = event
    const account = (): Address => argOf.account(event, 'account')
    const operator = (): Address => argOf.account(event, 'operator')
    const amount = (): bigint => argOf.amount(event, 'amount')
    if (name === 'Deposited') vault.deposit(account(), amount())
    else if (name === 'WithdrawRequested') vault.requestWithdraw(account(), amount(), time)
    else if (name === 'Withdrawn')
      this.#compare(event, `what ${account()} took out`, amount(), vault.withdraw(account(), time))
    else if (name === 'CommissionSet') vault.setCommission(operator(), argOf.number(event, 'commissionBps'), time)
    else if (name === 'DelegationClosed') vault.closeDelegation(operator())
    else if (name === 'Delegated') vault.delegate(account(), operator(), amount(), MAX_COMMISSION_BPS, time)
    else if (name === 'Undelegated') this.#undelegated(event, account(), operator(), amount())
    else if (name === 'DelegationClaimed')
      this.#compare(event, `what ${account()} claimed`, amount(), vault.claimDelegation(account(), operator()))
    else if (name === 'DelegatorsRewarded' || name === 'Slashed') this.#announced = event
    if (TOLD.has(name)) this.#rounds.noticed('operator' in event.args ? operator() : account())
  }

  /** Who takes all takes the last share too, which an amount in wei need not reach. */
  #undelegated(event: HistoryEvent, account: Address, operator: Address, amount: bigint): void {
    const held = this.vault.delegations(account).find((d) => d.operator === operator)
    const all = held !== undefined && held.shares === argOf.amount(event, 'shares') && held.amount === amount
    this.vault.undelegate(account, operator, all ? null : amount, event.time)
  }

  #seat(
    event: HistoryEvent,
    account: Address,
  ): { readonly round: Story; readonly weight: bigint; readonly drawnAt: number } {
    if (event.contract === 'arena') {
      const epoch = this.epoch(event)
      const held = [...(epoch?.entries ?? []), ...(epoch?.validators ?? [])].find((s) => s.account === account)
      if (epoch === null || held === undefined) throw new Error(`${account} had no seat`)
      return { round: epoch, weight: held.weight, drawnAt: held.drawnAt }
    }
    const round = this.#rounds.current(argOf.number(event, 'id'))
    const seat = [...(round?.proposers ?? []), ...(round?.voters ?? [])].find((s) => s.account === account)
    if (round === null || seat === undefined) throw new Error(`${account} had no seat`)
    return { round, weight: seat.weight, drawnAt: round.drawnAt }
  }

  /** The vault's own event of the same payment or slash, which stands right before it. */
  #take(name: string, key: string, account: Address): HistoryEvent | null {
    const told = this.#announced
    this.#announced = null
    return told?.name === name && told.args[key] === account ? told : null
  }

  #compare(event: HistoryEvent, what: string, chain: bigint, rules: bigint): void {
    if (chain !== rules) this.disagreements.push({ at: placeOf(event), what, chain, rules })
  }
}

/** What docs/settlement.md, or docs/arena.md, makes of a seat. */
function ruled(story: Story, account: Address): { readonly paid: bigint } | undefined {
  const [seats, results] =
    story.contract === 'tasks'
      ? [
          [...story.proposers, ...story.voters],
          [...(story.settled?.settlement.proposers ?? []), ...(story.settled?.settlement.voters ?? [])],
        ]
      : [
          [...story.entries, ...story.validators],
          [...(story.settled?.settlement.entries ?? []), ...(story.settled?.settlement.validators ?? [])],
        ]
  return results[seats.findIndex((seat) => seat.account === account)]
}
