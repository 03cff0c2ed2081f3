/** What an account's seats in arenas came to, as people read it: docs/arena.md with the epoch's own numbers. */
import type {
  ArenaSeatExplained,
  ArenasExplained,
  EntrantReason,
  ValidatorReason,
} from '../../../src/ledger/history/explain-arena.ts'
import { ARENA_SCORE_SCALE, type EntryOutcome } from '../../../src/types/arena.ts'
import { SCORE_ABSENT, type VoterOutcome } from '../../../src/types/ledger.ts'
import { percentOf, timeOf } from '../../amounts.ts'
import { type Amount, delegatorsLine, short } from './words.ts'

const nats = (score: number): string =>
  score === SCORE_ABSENT ? 'no usable adapter' : (score / ARENA_SCORE_SCALE).toFixed(4)

/** Why a seat earned nothing, or lost. */
const WHY: Readonly<Partial<Record<EntryOutcome | VoterOutcome, string>>> = {
  unrevealed: 'it committed and did not reveal',
  absent: 'most validators could not get a usable adapter',
  copied: 'another account was the first to reveal these bytes',
  below: 'its median is not above the floor',
  unjudged: 'there was no slice, or nobody scored',
  silent: 'it never committed to scores',
  apart: 'it is too far away from the medians to be paid',
  slashed: 'its scores are far from those on which two thirds agree',
}
const POWER = { none: '1', root: '√stake', whole: 'stake' } as const
/** Of `ofRank`. */
const UNIT = 10n ** 18n

export function arenaLines({ seats, fees, refunds, claims }: ArenasExplained, amount: Amount): readonly string[] {
  const lines: string[] = []
  for (const id of [...new Set(seats.map((seat) => seat.arena))].sort((a, b) => a - b)) {
    lines.push('', `arena ${id}`)
    for (const seat of seats.filter((s) => s.arena === id))
      lines.push(...seatLines(seat, amount).map((line) => `  ${line}`))
  }
  if (fees.length > 0) lines.push('', "for ending arenas' phases whose deadline had passed")
  for (const f of fees) lines.push(`  arena ${f.arena} epoch ${f.epoch}  ${amount(f.amount)}`)
  if (refunds.length > 0) lines.push('', "returned from arenas' pools")
  for (const r of refunds) lines.push(`  arena ${r.arena}  ${amount(r.amount)}, ${r.why}`)
  if (claims.length > 0) lines.push('', 'claimed of arenas')
  for (const c of claims) lines.push(`  ${timeOf(c.at.time)}  ${amount(c.amount)}`)
  return lines
}

function seatLines(seat: ArenaSeatExplained, amount: Amount): readonly string[] {
  const { reason, split } = seat
  const head = `epoch ${seat.epoch}  ${reason.role}, ${reason.outcome}  ${amount(seat.weight)} behind it  ${timeOf(seat.at.time)}`
  const kept = seat.fees > 0n ? `, ${amount(seat.fees)} of it went to keepers` : ''
  const lines = [`the epoch's reward is ${amount(seat.budget)}${kept}${seat.slice ? '' : '; no slice was revealed'}`]
  if (split.entrants + split.validators > 0n && seat.slice)
    lines.push(
      `${amount(split.forEntrants)} of it for entrants, ${amount(split.forValidators)} for validators: γ ${percentOf(split.gammaBps)} each, the rest by stake, ${amount(split.entrants)} of measured entries beside ${amount(split.validators)} of validators`,
    )
  lines.push(...(reason.role === 'entrant' ? entrantLines(reason, seat, amount) : validatorLines(reason, seat, amount)))
  if (seat.toDelegators > 0n) lines.push(delegatorsLine(seat, amount))
  const why = WHY[reason.outcome]
  if (why !== undefined) lines.push(why)
  lines.push(`= ${amount(seat.kept)}`)
  if (seat.slash !== null)
    lines.push(`slashed ${percentOf(seat.slash.bps)} of what stood behind the seat: ${amount(seat.slash.burnt)} burnt`)
  return [head, ...lines.map((line) => `  ${line}`)]
}

function entrantLines(r: EntrantReason, seat: ArenaSeatExplained, amount: Amount): readonly string[] {
  const lines: string[] = []
  if (r.votes.length > 0) {
    const votes = r.votes.map((v) => `${short(v.validator)} ${nats(v.score)}`).join(', ')
    lines.push(
      `scores (nats better than the base): ${votes}; median by stake ${nats(r.median)}, floor ${nats(r.floor)}`,
    )
  }
  if (r.share === null) return lines
  const { ratioBps, alpha, ofRank, power, whole } = r.share
  lines.push(
    `rank ${r.rank} of ${r.ranked}: ${percentOf(ratioBps)} of the rank before, so ${Number((ofRank * 10_000n) / UNIT) / 100} % of the first's, by ${POWER[alpha]}`,
    `+ ${amount(seat.paid)}, ${share(ofRank * power, whole)} of the entrants' part`,
  )
  return lines
}

function validatorLines(r: ValidatorReason, seat: ArenaSeatExplained, amount: Amount): readonly string[] {
  const lines: string[] = []
  if (r.scores.length > 0) {
    const scores = r.scores.map((s) => `${short(s.entrant)} ${nats(s.score)} (median ${nats(s.median)})`).join(', ')
    const missing = r.missing === 0 ? '' : `, and ${r.missing} that it could not get`
    lines.push(
      `scores (nats better than the base): ${scores}`,
      `${nats(r.distance)} away from the medians in all${missing}; up to ${nats(r.allowed)} agrees`,
    )
  }
  if (r.outcome === 'agreed')
    lines.push(
      `+ ${amount(seat.paid)}, by ${amount(seat.weight)} of the ${amount(seat.split.validators)} that revealed`,
    )
  return lines
}

/** A part of a whole for people: `57.14 %`; what is paid is computed exactly. */
const share = (part: bigint, whole: bigint): string =>
  whole === 0n ? 'none' : `${Number((part * 10_000n) / whole) / 100} %`
