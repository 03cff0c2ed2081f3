/** An explanation as people read it: a tree of what was earned where, and the sums. */
import type {
  ProposerReason,
  RewardsExplained,
  SeatExplained,
  VoterReason,
} from '../../../src/ledger/history/explain.ts'
import { type ProposerOutcome, SCORE_ABSENT, SCORE_SCALE, type VoterOutcome } from '../../../src/types/ledger.ts'
import { percentOf, timeOf } from '../../amounts.ts'
import { arenaLines } from './arena-tree.ts'
import { type Amount, delegatorsLine, short } from './words.ts'

const nats = (score: number): string => (score === SCORE_ABSENT ? 'no usable delta' : (score / SCORE_SCALE).toFixed(4))

/** Why a seat earned nothing, or lost. */
const WHY: Readonly<Partial<Record<ProposerOutcome | VoterOutcome, string>>> = {
  silent: 'it never committed',
  unrevealed: 'it committed and did not reveal',
  'other-base': 'it started from another global adapter than the network holds',
  absent: 'most voters could not get a usable delta',
  excluded: 'its median is below what is let in, or nobody voted',
  vetoed: 'voters with most of the weight found that it harms on their own data',
  apart: 'it is too far away from the medians to be paid',
}

/** @param amount wei as text */
export function treeOf(explained: RewardsExplained, amount: Amount): readonly string[] {
  const { account, seats, fees, refunds, delegations, claims, disagreements } = explained
  const tasks = [...new Set(seats.map((seat) => seat.task))].sort((a, b) => a - b)
  const lines = [`account ${account}`]
  for (const task of tasks) {
    lines.push('', `task ${task}`)
    for (const seat of seats.filter((s) => s.task === task))
      lines.push(...seatLines(seat, amount).map((line) => `  ${line}`))
  }
  if (delegations.length > 0) lines.push('', 'by delegating')
  for (const d of delegations)
    lines.push(
      `  ${d.contract === 'tasks' ? `task ${d.task} round` : `arena ${d.task} epoch`} ${d.round}  ${d.operator} earned ${amount(d.operatorPaid)}, ${amount(d.toDelegators)} of it for its delegators (it keeps ${percentOf(d.commissionBps)} of their part)`,
      `    = ${amount(d.amount)} for this account's shares`,
    )
  if (fees.length > 0) lines.push('', 'for ending phases whose deadline had passed')
  for (const f of fees) lines.push(`  task ${f.task} round ${f.round}  ${amount(f.amount)}`)
  if (refunds.length > 0) lines.push('', 'returned from pools')
  for (const r of refunds) lines.push(`  task ${r.task}  ${amount(r.amount)}, ${r.why}`)
  if (claims.length > 0) lines.push('', 'claimed')
  for (const c of claims)
    lines.push(
      `  ${timeOf(c.at.time)}  ${amount(c.amount)}${c.operator === null ? '' : ` of delegating to ${c.operator}`}`,
    )
  lines.push(...arenaLines(explained.arenas, amount))
  lines.push('', ...sums(explained, amount))
  for (const d of disagreements)
    lines.push(`! block ${d.at.block}: ${d.what} is ${amount(d.chain)} on chain, ${amount(d.rules)} by the rules`)
  return lines
}

function seatLines(seat: SeatExplained, amount: Amount): readonly string[] {
  const { reason } = seat
  const head = `round ${seat.round}  ${reason.role}, ${reason.outcome}  ${amount(seat.weight)} at the draw  ${timeOf(seat.at.time)}`
  const lines = [
    head,
    `  the round's budget is ${amount(seat.budget)}${seat.probe ? '' : '; no probe slice was revealed'}`,
  ]
  lines.push(...(reason.role === 'proposer' ? proposerLines(reason, amount) : voterLines(reason, seat, amount)))
  if (seat.toDelegators > 0n) lines.push(`  ${delegatorsLine(seat, amount)}`)
  const why = WHY[reason.outcome]
  if (why !== undefined) lines.push(`  ${why}`)
  lines.push(`  = ${amount(seat.kept)}`)
  if (seat.slash !== null)
    lines.push(
      `  slashed ${percentOf(seat.slash.bps)} of what stood behind the seat: ${amount(seat.slash.burnt)} burnt`,
    )
  return lines.map((line, i) => (i === 0 ? line : `  ${line.trimStart()}`))
}

function proposerLines(r: ProposerReason, amount: Amount): readonly string[] {
  const lines: string[] = []
  if (r.votes.length > 0) {
    const votes = r.votes.map((v) => `${short(v.voter)} ${nats(v.score)}`).join(', ')
    lines.push(`scores (nats): ${votes}; median by stake ${nats(r.median)}`)
    lines.push(`left out below ${nats(-r.excludeAt)}, slashed below ${nats(-r.slashAt)}`)
  }
  if (r.outcome !== 'included') return lines
  lines.push(`${amount(r.forProposers)} of the budget is for proposers`)
  lines.push(`+ ${amount(r.equal)}, an equal share of ${r.considered}`)
  if (r.byMedian > 0n)
    lines.push(`+ ${amount(r.byMedian)}, its median is ${nats(r.median)} of ${nats(r.medians)} in all`)
  return lines
}

function voterLines(r: VoterReason, seat: SeatExplained, amount: Amount): readonly string[] {
  const lines: string[] = []
  if (r.scores.length > 0) {
    const scores = r.scores.map((s) => `${short(s.proposer)} ${nats(s.score)} (median ${nats(s.median)})`).join(', ')
    lines.push(`scores (nats): ${scores}`)
    if (seat.probe) lines.push(`${nats(r.distance)} away from the medians in all; up to ${nats(r.allowed)} agrees`)
  }
  if (r.outcome !== 'agreed') return lines
  lines.push(`${amount(r.forVoters)} of the budget is for voters`)
  lines.push(`+ ${amount(seat.paid)}, by ${amount(seat.weight)} of the ${amount(r.revealedWeight)} that revealed`)
  return lines
}

function sums({ totals, arenas }: RewardsExplained, amount: Amount): readonly string[] {
  const rows: (readonly [string, bigint])[] = [
    ['paid to its seats', totals.paid],
    ['− to its delegators', -totals.toDelegators],
    ['+ for keeping rounds moving', totals.fees],
    ['+ returned from pools', totals.refunded],
    ['− claimed', -totals.claimed],
    ['= claimable', totals.claimable],
  ]
  if (totals.delegated.earned > 0n)
    rows.push(
      ['earned by delegating', totals.delegated.earned],
      ['− claimed of it', -totals.delegated.claimed],
      ['= claimable of delegating', totals.delegated.claimable],
    )
  const inArenas = arenas.totals
  if (inArenas.paid + inArenas.fees + inArenas.refunded > 0n)
    rows.push(
      ['paid in arenas', inArenas.paid],
      ['− to its delegators there', -inArenas.toDelegators],
      ['+ for keeping epochs moving', inArenas.fees],
      ["+ returned from arenas' pools", inArenas.refunded],
      ['− claimed of arenas', -inArenas.claimed],
      ['= claimable of arenas', inArenas.claimable],
    )
  const slashed = totals.slashed + inArenas.slashed
  if (slashed > 0n) rows.push(["burnt for its seats' faults", slashed])
  const shown = rows.filter(([name, value]) => value !== 0n || name.startsWith('='))
  const width = Math.max(...shown.map(([name]) => name.length))
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${amount(value < 0n ? -value : value)}`)
}
