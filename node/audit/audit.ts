/**
 * What each participant's data was worth to a task: the Shapley value of its deltas, round by round, by the loss of the global adapter
 * that each coalition of a round's included proposers would have made. What it says and what it does not: docs/audit.md.
 */
import { CoveyError, isCoveyError } from '../../src/base/errors.ts'
import { mostMeasured, type Shares, shapley } from '../../src/round/shapley.ts'
import type { Address, RoundView, TaskView } from '../../src/types/ledger.ts'
import type { EvalSet, NodeComponents, TaskContext } from '../context.ts'
import { auditContext } from './context.ts'
import { type EvaluationOptions, evaluationSet } from './evaluation.ts'
import { AdapterLine, join, type Start } from './line.ts'
import { type Found, includedSeats, type Piece, TaskPieces } from './pieces.ts'
import { type AccountWorth, worthOf } from './worth.ts'

export interface AuditOptions extends EvaluationOptions {
  readonly task: number
  /** both included; null: all that are settled */
  readonly rounds: { readonly from: number; readonly to: number } | null
  /** of src/round/shapley.ts, tolerance in nats */
  readonly permutations: number
  readonly tolerance: number
  /** cores; 0 = all */
  readonly threads: number
  readonly onProgress?: (progress: AuditProgress) => void
}

export interface AuditProgress {
  readonly round: number
  /** coalitions, of the most that there are to measure in all rounds */
  readonly measured: number
  readonly of: number
  readonly secondsLeft: number
}

/** Losses in nats on the audit's examples; a value is a loss that fell. */
export interface AuditedRound {
  readonly round: number
  readonly exact: boolean
  /** coalitions that were measured */
  readonly measured: number
  /** of the adapter that the round built on */
  readonly base: number
  /** by how much the momentum of the step before lowered it: nobody's merit in this round */
  readonly momentum: number
  /** by how much the included deltas lowered it beyond that */
  readonly gain: number
  /** in seat order; of a masked task one a cohort */
  readonly shares: readonly { readonly accounts: readonly Address[]; readonly value: number; readonly error: number }[]
}

export interface RoundLeftOut {
  readonly round: number
  readonly why: string
  /** digests of deltas that are not to be had */
  readonly missing: readonly string[]
}

export interface TaskAudit {
  readonly task: number
  /** what is told apart: a masked task's proposers only by cohort */
  readonly by: 'proposer' | 'cohort'
  readonly examples: number
  /** rounds whose slice is not to be had; empty with examples of one's own */
  readonly slicesMissing: readonly number[]
  readonly rounds: readonly AuditedRound[]
  readonly leftOut: readonly RoundLeftOut[]
  /** rounds whose proposers began from another adapter than the deltas before make: the audit is not of what they did */
  readonly differing: readonly number[]
  /** the most worth first; of the audited rounds alone */
  readonly accounts: readonly AccountWorth[]
}

/** A poisoned coalition can make a loss overflow: worse than anything that a model says, and still a number, nats. */
const MOST_LOSS = 1_000

/**
 * @param components its store holds the blobs that are here; its transport is asked for others; its ledger is only read
 * @throws CoveyError E_ARGUMENT | E_BLOB_UNAVAILABLE | E_SPEC | E_ADAPTER | E_DATA_EMPTY | E_DELTA | E_ENGINE | E_ABORTED | E_RPC | E_DISK
 */
export async function auditTask(
  components: NodeComponents,
  options: AuditOptions,
  signal: AbortSignal,
): Promise<TaskAudit> {
  const { ledger } = components
  const view = await ledger.task(options.task)
  const all = await settledRounds(components, view)
  const { from, to } = rangeOf(options, all.length)
  const ctx = await auditContext(components, view, options.threads)
  try {
    const { set, examples, slicesMissing } = await evaluationSet(ctx, all, options, signal)
    const line = new AdapterLine(ctx)
    const pieces = new TaskPieces(ctx)
    const rounds: AuditedRound[] = []
    const leftOut: RoundLeftOut[] = []
    const meter = new Meter(ctx, all.slice(from - 1, to), options)
    for (const round of all.slice(0, to)) {
      const wanted = round.round >= from
      const start = await line.start(round, signal)
      const found = await pieces.of(round, signal)
      const list = 'pieces' in found ? found.pieces : null
      const why = whyNot(ctx, round, start, found)
      if (wanted && why !== null) {
        leftOut.push({ round: round.round, why, missing: 'missing' in found ? found.missing : [] })
        meter.end(round.round, 0)
      } else if (wanted && start !== null && list !== null)
        rounds.push(await auditRound(ctx, round, start, list, set, meter, options, signal))
      line.add(round, start, list)
    }
    const audited = new Set(rounds.map(({ round }) => round))
    return {
      task: options.task,
      by: ctx.masked === null ? 'proposer' : 'cohort',
      examples,
      slicesMissing,
      rounds,
      leftOut,
      differing: line.differing,
      accounts: worthOf(
        all.filter(({ round }) => audited.has(round)),
        rounds,
      ),
    }
  } finally {
    await ctx.workbench.close()
  }
}

/** Why a round's deltas cannot be valued; null: they can. */
function whyNot({ spec }: TaskContext, round: RoundView, start: Start | null, found: Found): string | null {
  if (round.settlement?.rolledBack === true)
    return 'the adapter that it began from was rolled back, and its deltas were not used'
  if (includedSeats(round).length === 0) return 'nothing was included'
  if ('missing' in found) return found.why ?? `${found.missing.length} of its deltas are not to be had`
  if (found.pieces.length === 0) return 'nothing was included'
  if (start !== null) return null
  return spec.aggregation.outer === undefined
    ? 'the global adapter that it began from is not to be had'
    : 'a round before it is missing, and with it the moments of the outer step'
}

async function auditRound(
  ctx: TaskContext,
  view: RoundView,
  start: Start,
  pieces: readonly Piece[],
  set: EvalSet,
  meter: Meter,
  { permutations, tolerance, seed }: AuditOptions,
  signal: AbortSignal,
): Promise<AuditedRound> {
  const { round } = view
  const inference = await ctx.workbench.inference()
  const lossOf = async (values: Float32Array): Promise<number> => {
    inference.setAdapter(values)
    const { loss } = await inference.evaluate(set, signal)
    return Number.isFinite(loss) ? Math.min(loss, MOST_LOSS) : MOST_LOSS
  }
  const lossWith = async (coalition: readonly Piece[]): Promise<number> => {
    try {
      return await lossOf(join(ctx, start, coalition, view).values)
    } catch (error) {
      // of these alone there is no aggregate: as bad as one that overflows
      if (isCoveyError(error, 'E_AGGREGATE')) return MOST_LOSS
      throw error
    }
  }
  const base = await lossOf(start.base)
  const worth = async (coalition: readonly number[]): Promise<number> => {
    const loss = await lossWith(coalition.map((i) => pieces[i] as Piece))
    meter.tick(round)
    return base - loss
  }
  const game = { players: pieces.length, worth }
  const found: Shares = await shapley(game, { permutations, tolerance, seed: `${seed}/${ctx.task}/${round}` })
  meter.end(round, found.measured)
  const shares = pieces.map(({ accounts }, i) => ({
    accounts,
    value: found.values[i] as number,
    error: found.errors[i] as number,
  }))
  const { exact, measured, empty, whole } = found
  return { round, exact, measured, base, momentum: empty, gain: whole - empty, shares }
}

/** Settled rounds 1, 2, … of a task. */
async function settledRounds({ ledger }: NodeComponents, { id, round }: TaskView): Promise<readonly RoundView[]> {
  const rounds: RoundView[] = []
  for (let r = 1; r <= round; r++) {
    const view = await ledger.round(id, r)
    if (view.settlement !== null) rounds.push(view)
  }
  if (rounds.length > 0) return rounds
  throw new CoveyError('E_ARGUMENT', `task ${id}: expected a settled round to audit, it has none yet`, { task: id })
}

function rangeOf({ rounds }: AuditOptions, settled: number): { readonly from: number; readonly to: number } {
  const { from, to } = rounds ?? { from: 1, to: settled }
  if (from >= 1 && from <= to && to <= settled) return { from, to }
  throw new CoveyError('E_ARGUMENT', `rounds: expected some of 1 to ${settled}, got ${from} to ${to}`, { from, to })
}

/** Counts coalitions, and says how long the others may take. */
class Meter {
  readonly #options: AuditOptions
  readonly #clock: NodeComponents['clock']
  readonly #began: number
  /** how many coalitions each round may still come to, or came to */
  readonly #most: Map<number, number>
  #measured = 0

  constructor({ clock, spec }: TaskContext, rounds: readonly RoundView[], options: AuditOptions) {
    const { privacy } = spec
    this.#options = options
    this.#clock = clock
    this.#began = clock.now()
    this.#most = new Map(
      rounds.map((view) => {
        const seats = includedSeats(view).length
        const pieces = privacy.mode === 'masked' ? Math.ceil(seats / privacy.cohort) : seats
        return [view.round, pieces === 0 ? 0 : mostMeasured(pieces, options.permutations)]
      }),
    )
  }

  tick(round: number): void {
    this.#measured++
    const measured = this.#measured
    const of = Math.max(
      measured,
      [...this.#most.values()].reduce((sum, n) => sum + n, 0),
    )
    const each = (this.#clock.now() - this.#began) / 1000 / measured
    this.#options.onProgress?.({ round, measured, of, secondsLeft: each * (of - measured) })
  }

  /** A round is over after so many: sampling ended early, or there was nothing to measure. */
  end(round: number, measured: number): void {
    this.#most.set(round, measured)
  }
}
