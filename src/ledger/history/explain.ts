/**
 * How an account's rewards came about, step by step, out of events alone: every payment of its seats with the scores and rules
 * that made it, what of it went to delegators, what its own delegations earned, what was slashed, returned and claimed. Adds up
 * to what the chain owes the account, to the last wei.
 */
import type { Address, ProposerOutcome, VoterOutcome } from '../../types/ledger.ts'
import { argOf, type History, type HistoryEvent, type Place, placeOf } from './events.ts'
import { ArenaAccount, type ArenasExplained } from './explain-arena.ts'
import { type Disagreement, type Payment, Replay } from './replay.ts'
import type { RoundStory } from './rounds.ts'
import { type Mutable, NO_MONEY, pay, type SeatMoney, slash } from './seat.ts'

/** One vote on a proposer; scores in 1/10,000 nat. */
export interface Vote {
  readonly voter: Address
  readonly weight: bigint
  readonly score: number
}

/** What a round's rules made of a proposer's seat. Money in wei, scores in 1/10,000 nat. */
export interface ProposerReason {
  readonly role: 'proposer'
  readonly outcome: ProposerOutcome
  readonly median: number
  readonly votes: readonly Vote[]
  /** below −excludeAt it is left out, below −slashAt slashed */
  readonly excludeAt: number
  readonly slashAt: number
  /** all proposers' part of the round's budget */
  readonly forProposers: bigint
  /** shared equally by the considered ones */
  readonly equal: bigint
  readonly considered: number
  /** by the median's part of all positive medians */
  readonly byMedian: bigint
  readonly medians: number
}

export interface VoterReason {
  readonly role: 'voter'
  readonly outcome: VoterOutcome
  /** sum of |score − median|, and how much of it still counts as agreement */
  readonly distance: number
  readonly allowed: number
  readonly scores: readonly { readonly proposer: Address; readonly score: number; readonly median: number }[]
  readonly forVoters: bigint
  readonly revealedWeight: bigint
}

/** What one seat of the account came to. */
export interface SeatExplained extends SeatMoney {
  readonly at: Place
  readonly task: number
  readonly round: number
  /** stake at the draw, own and delegated */
  readonly weight: bigint
  readonly budget: bigint
  readonly probe: boolean
  readonly reason: ProposerReason | VoterReason
}

/** What a reward of an operator brought to the account, which delegates to it. */
export interface DelegationReward {
  readonly at: Place
  readonly operator: Address
  /** `arena`: `task` and `round` are the arena's number and its epoch's */
  readonly contract: 'tasks' | 'arena'
  readonly task: number
  readonly round: number
  readonly operatorPaid: bigint
  readonly toDelegators: bigint
  readonly commissionBps: number
  /** the account's part */
  readonly amount: bigint
}

export interface RewardsExplained {
  readonly account: Address
  readonly block: number
  readonly seats: readonly SeatExplained[]
  readonly refunds: readonly {
    readonly at: Place
    readonly task: number
    readonly why: string
    readonly amount: bigint
  }[]
  /** for phases that the account ended after their deadlines */
  readonly fees: readonly {
    readonly at: Place
    readonly task: number
    readonly round: number
    readonly amount: bigint
  }[]
  readonly delegations: readonly DelegationReward[]
  readonly claims: readonly { readonly at: Place; readonly operator: Address | null; readonly amount: bigint }[]
  /** wei; `claimable` and `delegated.claimable` are what must be on chain */
  readonly totals: {
    readonly paid: bigint
    readonly toDelegators: bigint
    readonly fees: bigint
    readonly refunded: bigint
    readonly claimed: bigint
    readonly claimable: bigint
    readonly slashed: bigint
    readonly delegated: { readonly earned: bigint; readonly claimed: bigint; readonly claimable: bigint }
  }
  /** the arenas' contract keeps accounts of its own */
  readonly arenas: ArenasExplained
  /** empty, unless the chain settled something otherwise than docs/settlement.md says */
  readonly disagreements: readonly Disagreement[]
}

/** Pure: the same history gives the same explanation. @throws CoveyError E_CONTRACT when events contradict each other */
export function explainRewards(history: History, account: Address): RewardsExplained {
  const replay = new Replay(history)
  const seats = new Map<RoundStory, Mutable<SeatExplained>>()
  const refunds: Mutable<RewardsExplained>['refunds'][number][] = []
  const fees: Mutable<RewardsExplained>['fees'][number][] = []
  const delegations: DelegationReward[] = []
  const arenas = new ArenaAccount(account)
  const claims: Mutable<RewardsExplained>['claims'][number][] = []
  const earnedFrom = (operator: Address): bigint =>
    replay.vault.delegations(account).find((d) => d.operator === operator)?.rewards ?? 0n

  for (const event of history.events) {
    const operator = 'account' in event.args ? argOf.account(event, 'account') : account
    const before = event.contract !== 'vault' && operator !== account ? earnedFrom(operator) : 0n
    const effect = replay.apply(event)
    if (event.contract === 'arena') arenas.take(event, effect, replay.epoch(event))
    if (effect.kind === 'paid') {
      if (effect.account === account && effect.round.contract === 'tasks')
        pay(seatOf(seats, event, effect.round, account), effect)
      const amount = effect.account === account ? 0n : earnedFrom(effect.account) - before
      if (amount > 0n) delegations.push(delegationReward(event, effect, amount))
    } else if (event.contract === 'arena') {
      // taken above
    } else if (effect.kind === 'slashed' && effect.account === account && effect.round.contract === 'tasks') {
      slash(seatOf(seats, event, effect.round, account), effect)
    } else if (effect.kind === 'kept' && effect.account === account) {
      const { task, round } = effect.round
      fees.push({ at: placeOf(event), task, round, amount: effect.amount })
    } else if (effect.kind === 'refunded' && effect.creator === account) {
      const why =
        event.name === 'TaskFinished' ? 'not spent when the task finished' : 'left when the task was cancelled'
      if (effect.amount > 0n) refunds.push({ at: placeOf(event), task: effect.task, why, amount: effect.amount })
    }
    if (event.name === 'RoundSettled') unpaidSeat(seats, event, replay.round(event), account)
    if (event.name === 'Claimed' && operator === account)
      claims.push({ at: placeOf(event), operator: null, amount: argOf.amount(event, 'amount') })
    if (event.name === 'DelegationClaimed' && operator === account)
      claims.push({
        at: placeOf(event),
        operator: argOf.account(event, 'operator'),
        amount: argOf.amount(event, 'amount'),
      })
  }

  const sum = (parts: readonly bigint[]): bigint => parts.reduce((total, part) => total + part, 0n)
  const all = [...seats.values()]
  const paid = sum(all.map((s) => s.paid))
  const toDelegators = sum(all.map((s) => s.toDelegators))
  const kept = sum(fees.map((f) => f.amount))
  const refunded = sum(refunds.map((r) => r.amount))
  const claimed = sum(claims.flatMap((c) => (c.operator === null ? c.amount : [])))
  const delegated = {
    earned: sum(delegations.map((d) => d.amount)),
    claimed: sum(claims.flatMap((c) => (c.operator === null ? [] : c.amount))),
  }
  return {
    account,
    block: history.block,
    seats: all,
    refunds,
    fees,
    delegations,
    claims,
    totals: {
      paid,
      toDelegators,
      fees: kept,
      refunded,
      claimed,
      claimable: paid - toDelegators + kept + refunded - claimed,
      slashed: sum(all.map((s) => s.slash?.burnt ?? 0n)),
      delegated: { ...delegated, claimable: delegated.earned - delegated.claimed },
    },
    arenas: arenas.explained(),
    disagreements: replay.disagreements,
  }
}

function delegationReward(event: HistoryEvent, payment: Payment, amount: bigint): DelegationReward {
  return {
    at: placeOf(event),
    operator: payment.account,
    contract: payment.round.contract,
    task: payment.round.task,
    round: payment.round.round,
    operatorPaid: payment.amount,
    toDelegators: payment.delegators,
    commissionBps: payment.commissionBps,
    amount,
  }
}

/** A seat that was neither paid nor slashed is told too: why it got nothing is what people ask first. */
function unpaidSeat(
  seats: Map<RoundStory, Mutable<SeatExplained>>,
  event: HistoryEvent,
  round: RoundStory | null,
  account: Address,
): void {
  if (round === null || ![...round.proposers, ...round.voters].some((seat) => seat.account === account)) return
  seatOf(seats, event, round, account).at = placeOf(event)
}

function seatOf(
  seats: Map<RoundStory, Mutable<SeatExplained>>,
  event: HistoryEvent,
  round: RoundStory,
  account: Address,
): Mutable<SeatExplained> {
  const known = seats.get(round)
  if (known !== undefined) return known
  const seat = [...round.proposers, ...round.voters].find((s) => s.account === account)
  const fresh: Mutable<SeatExplained> = {
    at: placeOf(event),
    task: round.task,
    round: round.round,
    weight: seat?.weight ?? 0n,
    budget: round.settled?.budget ?? 0n,
    probe: round.probe,
    reason: reasonOf(round, account),
    ...NO_MONEY,
  }
  seats.set(round, fresh)
  return fresh
}

/** Proposers whose delta was measured; votes on the others count for nothing. */
const MEASURED: ReadonlySet<ProposerOutcome> = new Set(['included', 'excluded', 'vetoed', 'slashed'])

function reasonOf(round: RoundStory, account: Address): ProposerReason | VoterReason {
  const { settled } = round
  if (settled === null) throw new TypeError(`round ${round.round} of task ${round.task} has no terms`)
  const { settlement, workings } = settled
  const scoreOf = (voter: RoundStory['voters'][number], i: number): number =>
    (round.probe ? voter.scores?.probe[i] : voter.scores?.private[i]) ?? 0
  const i = round.proposers.findIndex((seat) => seat.account === account)
  const proposer = settlement.proposers[i]
  if (proposer !== undefined) {
    const included = proposer.outcome === 'included'
    const equal = included ? workings.forAll / BigInt(workings.considered) : 0n
    return {
      role: 'proposer',
      outcome: proposer.outcome,
      median: proposer.median,
      votes: round.voters.flatMap((voter) =>
        voter.scores === null || !MEASURED.has(proposer.outcome)
          ? []
          : { voter: voter.account, weight: voter.weight, score: scoreOf(voter, i) },
      ),
      excludeAt: workings.excludeAt,
      slashAt: workings.slashAt,
      forProposers: workings.forProposers,
      equal,
      considered: workings.considered,
      byMedian: proposer.paid - equal,
      medians: workings.gains,
    }
  }
  const v = round.voters.findIndex((seat) => seat.account === account)
  const seat = round.voters[v]
  const voter = settlement.voters[v]
  if (voter === undefined || seat === undefined) throw new TypeError(`${account} has no seat in round ${round.round}`)
  return {
    role: 'voter',
    outcome: voter.outcome,
    distance: workings.distances[v] ?? 0,
    allowed: workings.allowed,
    scores:
      seat.scores === null
        ? []
        : round.proposers.flatMap((p, j) => {
            const result = settlement.proposers[j]
            if (result === undefined || !MEASURED.has(result.outcome)) return []
            return { proposer: p.account, score: scoreOf(seat, j), median: result.median }
          }),
    forVoters: workings.forVoters,
    revealedWeight: workings.revealedWeight,
  }
}
