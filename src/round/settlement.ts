/**
 * How a round ends in money: docs/settlement.md in TypeScript. The contract's twin is contracts/libraries/Settlement.sol;
 * test/vectors/settlement.json holds both to the same results.
 *
 * Scores are 1/SCORE_SCALE nat and small, so numbers hold them exactly; weights and money are wei, bigint. Division
 * truncates toward zero in both languages.
 */
import type {
  ProposerOutcome,
  ProposerSeat,
  Settlement,
  SettlementRules,
  VoterOutcome,
  VoterSeat,
} from '../types/ledger.ts'
import { SCORE_ABSENT, SCORE_CLIP } from '../types/ledger.ts'
import { hasCommitted } from './seats.ts'

const BPS = 10_000
const BPS_WEI = 10_000n
/** A voter is slashed only past this many times the distance at which it would still agree ... */
const LIE_FACTOR = 4
/** ... and the medians may move this share (1/8) of their own size before agreement ends. */
const MEDIAN_SHARE = 8
/**
 * Nobody is slashed whose harm is at most this part (1/2) of the worst: what a gross liar does to the aggregate spoils what is
 * measured of all others.
 */
const WORST_SHARE = 2
/** Part of a round's reward for who ends one of its five phases after the deadline. */
const KEEPER_BPS = 20n

/** A round's reward, wei: an equal part of the pool for each round that is left, this one included. */
export function roundBudget(poolLeft: bigint, rounds: number, round: number): bigint {
  return poolLeft / BigInt(rounds - round + 1)
}

/** What ending a phase after its deadline earns, wei. */
export function keeperFee(budget: bigint): bigint {
  return (budget * KEEPER_BPS) / BPS_WEI
}

/** The creator's part of what is left of a pool, wei. @param own what it put in @param granted what others added */
export function creatorsPart(left: bigint, own: bigint, granted: bigint): bigint {
  return granted === 0n ? left : (left * own) / (own + granted)
}

/** What a settlement looks at; a `RoundView`'s seats fit. */
export interface SettlementInput {
  /** 1-based */
  readonly round: number
  /** R: poolLeft / rounds left, this one included, wei */
  readonly budget: bigint
  /** a probe slice was revealed */
  readonly probe: boolean
  readonly rules: SettlementRules
  readonly proposers: readonly Pick<ProposerSeat, 'weight' | 'commitment' | 'reveal'>[]
  /** weights are positive; every `scores` has one pair per proposer seat */
  readonly voters: readonly Pick<VoterSeat, 'weight' | 'commitment' | 'scores'>[]
}

interface Vote {
  readonly score: number
  readonly weight: bigint
}

/**
 * Weighted median of `votes` in seat order: sorted by (score, seat), *lower* = first score at which twice the running
 * weight >= the total, *upper* = first at which it is greater; (lower + upper) / 2, toward zero. 0 without votes.
 */
export function weightedMedian(votes: readonly Vote[]): number {
  const total = votes.reduce((sum, v) => sum + v.weight, 0n)
  const sorted = [...votes].sort((a, b) => a.score - b.score)
  let lower: number | undefined
  let running = 0n
  for (const { score, weight } of sorted) {
    running += weight
    if (lower === undefined && 2n * running >= total) lower = score
    // `+ 0`: Math.trunc(-1 / 2) is -0, which JSON and equality checks tell from 0
    if (2n * running > total) return Math.trunc(((lower as number) + score) / 2) + 0
  }
  return 0
}

/** What a settlement computed on its way: nothing that it did not use. Scores as the settlement's, money and weights wei. */
export interface Workings {
  /** step 4 */
  readonly spread: number
  readonly excludeAt: number
  readonly slashAt: number
  /** step 6: the proposers' part, what of it is shared equally by how many, and the sum of the positive medians */
  readonly forProposers: bigint
  readonly forAll: bigint
  readonly considered: number
  readonly gains: number
  /** steps 7 and 8: a voter's distance from the medians, in seat order, and how far is allowed */
  readonly distances: readonly number[]
  readonly allowed: number
  readonly forVoters: bigint
  readonly revealedWeight: bigint
}

/** Settles one round. Pure; the sum of what is paid never exceeds `budget`. */
export function settle(input: SettlementInput): Settlement {
  return settleOpenly(input).settlement
}

/** `settle` with its workings, for whoever explains a payment. */
export function settleOpenly(input: SettlementInput): {
  readonly settlement: Settlement
  readonly workings: Workings
} {
  const { round, budget, probe, rules, proposers, voters } = input
  const agreedBase = heaviestBase(proposers)
  const revealed = voters.filter((v) => v.scores !== null)
  const revealedWeight = revealed.reduce((sum, v) => sum + v.weight, 0n)
  const scoreOf = (v: Pick<VoterSeat, 'scores'>, seat: number): number =>
    clip((probe ? v.scores?.probe[seat] : v.scores?.private[seat]) ?? SCORE_ABSENT)

  // 2, 3: who is considered, and the medians
  const outcomes: ProposerOutcome[] = []
  const medians: number[] = []
  proposers.forEach((p, seat) => {
    let outcome: ProposerOutcome = 'included'
    let median = 0
    if (!hasCommitted(p)) outcome = 'silent'
    else if (p.reveal === null) outcome = 'unrevealed'
    else if (p.reveal.baseDigest !== agreedBase) outcome = 'other-base'
    else {
      const votes = revealed.map((v) => ({ score: scoreOf(v, seat), weight: v.weight }))
      const usable = votes.filter((v) => v.score !== SCORE_ABSENT)
      const absent = revealedWeight - usable.reduce((sum, v) => sum + v.weight, 0n)
      if (2n * absent > revealedWeight) outcome = 'absent'
      else median = weightedMedian(usable)
    }
    outcomes.push(outcome)
    medians.push(median)
  })

  // 4, 5: thresholds and verdicts
  const measured = outcomes.flatMap((outcome, seat) => (outcome === 'included' ? [seat] : []))
  const considered = outcomes.filter((outcome) => outcome === 'included' || outcome === 'absent').length
  const size = measured.reduce((sum, seat) => sum + Math.abs(medians[seat] as number), 0)
  const spread = measured.length === 0 ? 0 : Math.trunc(size / measured.length)
  const excludeAt = Math.max(rules.excludeBelow, Math.trunc((spread * rules.excludeSpreadBps) / BPS))
  const worst = measured.reduce((most, seat) => Math.max(most, -(medians[seat] as number)), 0)
  const bySpread = Math.trunc((spread * rules.slashSpreadBps) / BPS)
  const slashAt = Math.max(rules.slashBelow, bySpread, Math.trunc(worst / WORST_SHARE))
  for (const seat of measured) {
    const median = medians[seat] as number
    // nobody vouches for it: what no voter has seen may be what nobody can get
    if (revealedWeight === 0n) outcomes[seat] = 'excluded'
    else if (median < -slashAt) outcomes[seat] = 'slashed'
    else if (probe && median < -excludeAt) outcomes[seat] = 'excluded'
    else if (2n * vetoWeight(revealed, seat, rules.vetoBelow) > revealedWeight) outcomes[seat] = 'vetoed'
  }

  // 6: the proposers' pay
  const forProposers = (budget * BigInt(BPS - rules.voterBps)) / BPS_WEI
  const forAll = (forProposers * BigInt(rules.equalBps)) / BPS_WEI
  const gain = (seat: number): number => (outcomes[seat] === 'included' ? Math.max(medians[seat] as number, 0) : 0)
  const gains = probe ? outcomes.reduce((sum, _, seat) => sum + gain(seat), 0) : 0
  const proposerResults = outcomes.map((outcome, seat) => {
    let paid = 0n
    if (outcome === 'included') {
      paid = forAll / BigInt(considered)
      if (gains > 0) paid += ((forProposers - forAll) * BigInt(gain(seat))) / BigInt(gains)
    }
    const fault = outcome === 'unrevealed' || outcome === 'absent'
    const slashBps = outcome === 'slashed' ? rules.slashBps : fault ? rules.faultBps : 0
    return { outcome, median: medians[seat] as number, paid, slashBps }
  })

  // 7, 8: the voters
  const allowed = measured.length * rules.tolerance + Math.trunc(size / MEDIAN_SHARE)
  const distances = voters.map((v) => {
    if (!probe || v.scores === null) return 0
    return measured.reduce((sum, seat) => {
      const score = scoreOf(v, seat)
      return sum + (score === SCORE_ABSENT ? SCORE_CLIP : Math.abs(score - (medians[seat] as number)))
    }, 0)
  })
  const agrees = (seat: number): boolean => voters[seat]?.scores != null && (distances[seat] as number) <= allowed
  const agreedWeight = voters.reduce((sum, v, seat) => (agrees(seat) ? sum + v.weight : sum), 0n)
  const liesShow = 3n * agreedWeight >= 2n * revealedWeight
  const forVoters = (budget * BigInt(rules.voterBps)) / BPS_WEI
  const voterResults = voters.map((v, seat) => {
    let outcome: VoterOutcome = 'apart'
    if (!hasCommitted(v)) outcome = 'silent'
    else if (v.scores === null) outcome = 'unrevealed'
    else if (agrees(seat)) outcome = 'agreed'
    else if (liesShow && (distances[seat] as number) > LIE_FACTOR * allowed) outcome = 'slashed'
    const paid = outcome === 'agreed' ? (forVoters * v.weight) / revealedWeight : 0n
    const slashBps = outcome === 'slashed' ? rules.slashBps : outcome === 'unrevealed' ? rules.faultBps : 0
    return { outcome, paid, slashBps }
  })

  // 9: the incumbent
  const incumbentVotes = revealed
    .map((v) => ({ score: clip(v.scores?.incumbentProbe ?? SCORE_ABSENT), weight: v.weight }))
    .filter((v) => v.score !== SCORE_ABSENT)
  const incumbentMedian = probe && round > 1 ? weightedMedian(incumbentVotes) : 0
  // gross harm only: a rollback takes two rounds' work, and a step that is somewhat worse is often on its way
  const rolledBack = probe && round > 1 && incumbentMedian < -rules.slashBelow

  const settlement = { proposers: proposerResults, voters: voterResults, agreedBase, incumbentMedian, rolledBack }
  const measures = { spread, excludeAt, slashAt, considered, gains, distances, allowed, revealedWeight }
  return { settlement, workings: { ...measures, forProposers, forAll, forVoters } }
}

/** Step 1: the base digest with the greatest revealed weight; on a tie the one that stands first. */
function heaviestBase(proposers: SettlementInput['proposers']): string | null {
  const weights = new Map<string, bigint>()
  for (const { reveal, weight } of proposers) {
    if (reveal !== null) weights.set(reveal.baseDigest, (weights.get(reveal.baseDigest) ?? 0n) + weight)
  }
  let best: string | null = null
  for (const [digest, weight] of weights) {
    // a Map keeps the order of first insertion, so a strict comparison keeps the first on a tie
    if (best === null || weight > (weights.get(best) as bigint)) best = digest
  }
  return best
}

function vetoWeight(revealed: SettlementInput['voters'], seat: number, vetoBelow: number): bigint {
  return revealed.reduce((sum, v) => {
    const score = clip(v.scores?.private[seat] ?? SCORE_ABSENT)
    return score !== SCORE_ABSENT && score < -vetoBelow ? sum + v.weight : sum
  }, 0n)
}

/** The absent mark stays; everything else within ±SCORE_CLIP. */
function clip(score: number): number {
  return score === SCORE_ABSENT ? score : Math.max(-SCORE_CLIP, Math.min(SCORE_CLIP, score))
}
