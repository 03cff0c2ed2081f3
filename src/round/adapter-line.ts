/**
 * Which deltas make the global adapter: the recurrence of docs/settlement.md, "The global adapter", over settlements alone.
 *
 *     base(r)   = base(r−1) when round r's votes rolled the incumbent global(r−1) back, else global(r−1)
 *     global(r) = base(r) when it was rolled back or nothing is included, else aggregate(base(r), deltas of r in seat order, equal
 *                 weights, nothing in the place of those that the votes left out)
 *
 * The deltas of a round that rolls back are not used: they were trained from the adapter that goes, and added to
 * another one they do harm, which the next vote would roll back again, and so on.
 */
import { CoveyError } from '../base/errors.ts'
import type { ProposerOutcome, RoundView } from '../types/ledger.ts'

/** One aggregation of the line: round `round` added these deltas. */
export interface LineStep {
  readonly round: number
  /** included deltas, seat order; never empty. Weights are equal: each delta's is 1 */
  readonly deltas: readonly { readonly digest: string; readonly size: number }[]
  /** deltas in whose place there is nothing */
  readonly leftOut: number
}

/** The steps from `global(0)`, in order, to the base and to the result of one round. */
export interface AdapterLine {
  readonly base: readonly LineStep[]
  readonly global: readonly LineStep[]
}

/**
 * The line up to round `rounds.length`.
 * @param rounds settled rounds 1, 2, … without a gap
 * @returns steps of base(r) and of global(r); both empty for no rounds: `global(0)` is the adapter of the spec's seed
 * @throws CoveyError E_ARGUMENT when a round is missing, out of order or not settled
 */
export function adapterLine(rounds: readonly RoundView[]): AdapterLine {
  let line: AdapterLine = { base: [], global: [] }
  for (const [i, round] of rounds.entries()) {
    if (round.round !== i + 1 || round.settlement === null)
      throw new CoveyError(
        'E_ARGUMENT',
        `rounds: expected settled round ${i + 1}, got ${describe(round)}; read the rounds again`,
      )
    const base = round.settlement.rolledBack ? line.base : line.global
    const deltas = includedDeltas(round)
    line = {
      base,
      global: deltas.length === 0 ? base : [...base, { round: round.round, deltas, leftOut: leftOutOf(round) }],
    }
  }
  return line
}

/** The deltas that a settled round adds, in seat order: those included, none when it rolled back. @throws CoveyError E_ARGUMENT for a round that is not settled */
export function includedDeltas(round: RoundView): readonly { readonly digest: string; readonly size: number }[] {
  const { settlement } = round
  if (settlement === null) throw new CoveyError('E_ARGUMENT', `round: expected a settled round, got ${describe(round)}`)
  if (settlement.rolledBack) return []
  return round.proposers.flatMap((seat, i) =>
    settlement.proposers[i]?.outcome === 'included' && seat.reveal !== null
      ? [{ digest: seat.reveal.digest, size: seat.reveal.size }]
      : [],
  )
}

/** What the voters measured and left out: a seat whose delta counts as no change. */
const LEFT_OUT: ReadonlySet<ProposerOutcome> = new Set(['excluded', 'vetoed', 'slashed'])

/** How many of a round's deltas count as no change; 0 for one that rolled back or is not settled. */
export function leftOutOf({ settlement }: Pick<RoundView, 'settlement'>): number {
  if (settlement === null || settlement.rolledBack) return 0
  return settlement.proposers.filter(({ outcome }) => LEFT_OUT.has(outcome)).length
}

const describe = (round: RoundView): string =>
  `round ${round.round} in phase ${round.phase}, ${round.settlement === null ? 'not ' : ''}settled`
