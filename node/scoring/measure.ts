/**
 * What a voter measures, as a function of adapters and data alone: which deltas the round is better without (left-out.ts), and per
 * proposer the *marginal at the aggregate* of the others: its loss without that delta minus its loss with it (the weights of all
 * unchanged), on the probe slice, and on the voter's own held-out data as a veto; and whether a delta opens a back door that is suspected.
 * A node calls it with what it pulled, a bench with what it made.
 *
 * Harm that could cost stake needs a second witness: the delta *alone*, with all others nothing. What harms beside others only costs a
 * place in the round and no stake.
 */
import { CoveyError } from '../../src/base/errors.ts'
import type { Scores, SettlementRules } from '../../src/types/ledger.ts'
import { SCORE_ABSENT, SCORE_CLIP, SCORE_SCALE } from '../../src/types/ledger.ts'
import { type Canaries, type CanaryHit, chargedWith, risesOf } from './canaries.ts'
import { harmfulOf } from './left-out.ts'
import { type EvalSet, type Losses, type LossOf, openLosses, type RoundsStep } from './losses.ts'

export interface Measuring {
  /** null when no delta is usable */
  readonly step: RoundsStep | null
  /** for each of the step's deltas the seats that it came from: one, or a cohort's */
  readonly seats: readonly (readonly number[])[]
  /** by seat: scores of those that no delta is measured for; those of the others are replaced */
  readonly marks: readonly { readonly probe: number; readonly private: number }[]
  /** by seat: the sum of what its account was found to add in earlier rounds of the task (./standing.ts) */
  readonly standing: readonly number[]
  /** (layout.size) the global adapter that the round started from, and what that was built on; null in the first round */
  readonly incumbent: Float32Array
  readonly before: Float32Array | null
  /** null: none was revealed, or the voter has none */
  readonly slice: EvalSet | null
  readonly held: EvalSet | null
  readonly canaries: Canaries | null
  /** the task's: from where on harm costs the place in the round, and from where on it may cost stake */
  readonly rules: Pick<SettlementRules, 'excludeBelow' | 'slashBelow'>
  /** mean cross-entropy per label with this adapter; anything that is not finite counts as worse than all else */
  readonly loss: (adapter: Float32Array, set: EvalSet) => Promise<number>
}

export interface Measured {
  readonly scores: Scores
  /** in the order of the step's deltas */
  readonly hits: readonly CanaryHit[]
}

/** Rejects with what `loss` throws. */
export async function measureRound(input: Measuring): Promise<Measured> {
  const { step, slice, before, incumbent } = input
  const lossOf: LossOf = async (adapter, set) => {
    if (set === null) return 0
    const loss = await input.loss(adapter, set)
    // one poisoned delta can make every loss overflow: worse than anything, and comparable
    return Number.isFinite(loss) ? loss : Number.POSITIVE_INFINITY
  }
  const probe = input.marks.map((mark) => mark.probe)
  const own = input.marks.map((mark) => mark.private)
  const hits: CanaryHit[] = []
  const found = step === null ? [] : await measureDeltas(step, input, lossOf)
  input.seats.forEach((seats, i) => {
    const { probe: gain, own: privately, opens } = found[i] as Found
    for (const seat of seats) {
      probe[seat] = gain
      // a veto; without a slice it would be read as harm, and cost stake
      own[seat] = opens.length > 0 && slice !== null ? -SCORE_CLIP : privately
      for (const hit of opens) hits.push({ seat, ...hit })
    }
  })

  // the contract judges the incumbent by the probe alone: the private number would cost time and mean nothing
  let incumbentProbe = 0
  if (before !== null && slice !== null) {
    incumbentProbe = toScore((await lossOf(before, slice)) - (await lossOf(incumbent, slice)))
  }
  return { scores: { probe, private: own, incumbentProbe, incumbentPrivate: 0 }, hits }
}

/** Of one delta: scores, and the canaries that it is charged with. */
interface Found {
  readonly probe: number
  readonly own: number
  readonly opens: readonly Omit<CanaryHit, 'seat'>[]
}

/** In the order of the step's deltas. */
async function measureDeltas(
  step: RoundsStep,
  { seats, slice, held, canaries, rules, standing }: Measuring,
  lossOf: LossOf,
): Promise<Found[]> {
  const losses = openLosses(step, { slice, held, canaries: canaries?.list ?? [] }, lossOf)
  const marginal = async (i: number, gone: ReadonlySet<number>): Promise<number> => {
    const { withIt, without } = await losses.pair(i, gone)
    return toScore(without.probe - withIt.probe)
  }
  const alone = async (i: number): Promise<number> =>
    toScore((await losses.alone(null)).probe - (await losses.alone(i)).probe)
  const gone = await harmfulOf({
    // those that the robust steps left out are in no aggregate
    among: [...seats.keys()].filter((i) => step.shares[i] !== 0),
    marginal,
    alone,
    better: async (gone, than) => toScore((await losses.without(than)).probe - (await losses.without(gone)).probe),
    proven: (i) => (seats[i] as readonly number[]).every((seat) => (standing[seat] as number) > 0),
    bar: rules.excludeBelow,
  })
  const found: Found[] = []
  const added: number[][] = []
  for (const i of seats.keys()) {
    const { withIt, without } = await losses.pair(i, gone)
    let probe = toScore(without.probe - withIt.probe)
    // a small harm, and more beside the others that are gone: no place in the round
    if (gone.has(i)) probe = Math.min(probe, -rules.excludeBelow - 1)
    if (slice !== null && probe < -rules.slashBelow && (await alone(i)) >= 0) probe = -rules.slashBelow
    const [lacking, having] = [await without.rest(), await withIt.rest()]
    found.push({ probe, own: toScore(lacking.own - having.own), opens: [] })
    added.push(risesOf(lacking.forbidden, having.forbidden))
  }
  if (canaries === null) return found
  const forbiddenOf = async (of: Promise<Losses>) => (await (await of).rest()).forbidden
  const closed = await forbiddenOf(losses.alone(null))
  const whole = await forbiddenOf(losses.without(gone))
  const charges = await chargedWith(canaries, added, risesOf(closed, whole), async (i) =>
    risesOf(closed, await forbiddenOf(losses.alone(i))),
  )
  return found.map((one, i) => ({ ...one, opens: charges[i] ?? [] }))
}

/** nats -> the chain's integer. */
export function toScore(marginal: number): number {
  // infinite without and with it: this delta is not what makes it so, or not alone
  if (Number.isNaN(marginal)) return 0
  const score = Math.round(marginal * SCORE_SCALE)
  const clipped = Math.max(-SCORE_CLIP, Math.min(SCORE_CLIP, score))
  if (clipped === SCORE_ABSENT) throw new CoveyError('E_INTERNAL', 'a measured score may not be the mark for absence')
  return clipped === 0 ? 0 : clipped
}
