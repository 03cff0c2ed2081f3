/**
 * Drives one task: look at the chain and at the disk, ask the pure function what to do, do it, look again. Actions run
 * beside each other (a pull does not wait for a training), each at most once at a time, and a failed one is tried again.
 */
import { CoveyError, isCoveyError, messageOf } from '../src/base/errors.ts'
import { nextActions } from '../src/round/next.ts'
import type { Phase } from '../src/types/ledger.ts'
import type { Action } from '../src/types/round.ts'
import type { Look, TaskContext } from './context.ts'
import { perform } from './duties/perform.ts'
import { retreat } from './duties/retreat.ts'
import { readFacts } from './facts.ts'
import { tellStats } from './stats.ts'

export interface TaskLoopOptions {
  readonly ctx: TaskContext
  readonly duties: { readonly participate: boolean; readonly keep: boolean }
  readonly signal: AbortSignal
}

/** The chain is looked at this often even when nothing was heard, ms: an event can be missed, a deadline cannot. */
const LOOK_EVERY_MS = 1_000
/** A failed action is tried again after this, doubling up to the longest, ms. */
const RETRY_FIRST_MS = 500
const RETRY_LONGEST_MS = 15_000

/** Work on a phase that has ended is pointless; it is cancelled. */
const ENDS_WITH_PHASE: Partial<Record<Action['kind'], Phase>> = { train: 'train', score: 'score' }

interface Work {
  readonly action: Action
  readonly round: number
  /** in which it began */
  readonly phase: Phase
  readonly abort: AbortController
  readonly done: Promise<void>
}

interface Attempt {
  failures: number
  notBefore: number
}

export interface TaskLoop {
  /** look now: something changed */
  wake(): void
  /** resolves when the task is over for this node */
  run(): Promise<void>
}

export function createTaskLoop({ ctx, duties, signal }: TaskLoopOptions): TaskLoop {
  const running = new Map<string, Work>()
  const attempts = new Map<string, Attempt>()
  let ring: (() => void) | undefined
  let rung = false
  let round = 0
  let told = ''
  let toldAt = 0

  const wake = (): void => {
    rung = true
    ring?.()
  }

  const look = async (): Promise<Look & { enrolled: boolean; claimable: boolean }> => {
    const { ledger } = ctx
    // asked at once, so that a ledger behind an RPC needs one request; the round is nearly always the one of the last look
    const [task, likely, enrolled, now] = await Promise.all([
      ledger.task(ctx.task),
      round > 0 ? ledger.round(ctx.task, round) : null,
      ledger.isEnrolled(ctx.task, ledger.account),
      ledger.time(),
    ])
    const over = task.status === 'finished' || task.status === 'cancelled'
    const claimable = over && (await ledger.accountView(ledger.account)).claimable > 0n
    const view = task.round === 0 ? null : task.round === round ? likely : await ledger.round(ctx.task, task.round)
    round = task.round
    return { task, round: view, now, enrolled, claimable }
  }

  const tell = (at: Look): void => {
    const state = `${at.task.round} ${at.task.phase}`
    if (state === told) return
    told = state
    toldAt = at.now
    if (at.task.phase === 'idle') tellStats(ctx)
    ctx.emit({
      event: 'phase',
      task: ctx.task,
      round: at.task.round,
      phase: at.task.phase,
      deadline: at.task.deadline,
      proposers: at.round?.proposers.map((s) => s.account) ?? [],
      voters: at.round?.voters.map((s) => s.account) ?? [],
    })
  }

  const start = (action: Action, at: Look): void => {
    const round = 'round' in action ? action.round : at.task.round
    // one blob that nobody serves must not hold up the others: each is an action of its own
    if (action.kind === 'pull' && action.digests.length > 1) {
      for (const digest of action.digests) start({ ...action, digests: [digest] }, at)
      return
    }
    const key = `${action.kind} ${round} ${action.kind === 'pull' ? action.digests[0]?.digest : ''}`
    const attempt = attempts.get(key)
    if (running.has(key) || (attempt !== undefined && attempt.notBefore > ctx.clock.now())) return
    const abort = new AbortController()
    const done = perform(ctx, action, at, AbortSignal.any([signal, abort.signal]))
      .then(
        () => {
          attempts.delete(key)
        },
        (error: unknown) => {
          if (signal.aborted || abort.signal.aborted) return
          const failures = (attempt?.failures ?? 0) + 1
          attempts.set(key, {
            failures,
            notBefore: ctx.clock.now() + Math.min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** (failures - 1)),
          })
          report(error, action.kind)
        },
      )
      .finally(() => {
        running.delete(key)
        wake()
      })
    running.set(key, { action, round, phase: at.task.phase, abort, done })
  }

  const report = (error: unknown, doing: string): void => {
    // another node was quicker: the contract says so, and the next look shows it
    if (isCoveyError(error, 'E_REVERT') && (doing === 'advance' || doing === 'start-round')) return
    ctx.emit({
      event: 'problem',
      code: error instanceof CoveyError ? error.code : 'E_INTERNAL',
      message: messageOf(error),
      doing,
    })
  }

  const cancelStale = (at: Look): void => {
    for (const work of running.values()) {
      const phase = ENDS_WITH_PHASE[work.action.kind]
      if (phase !== undefined && (at.task.round !== work.round || at.task.phase !== phase)) work.abort.abort()
      // how long a pull may take follows from the phase that it began in: when scores are due it begins anew, with what it has
      if (work.action.kind === 'pull' && at.task.phase === 'score' && work.phase !== 'score') work.abort.abort()
    }
  }

  const pause = async (ms: number): Promise<void> => {
    if (rung) return
    const early = new AbortController()
    ring = () => early.abort()
    await ctx.clock.sleep(ms, AbortSignal.any([signal, early.signal])).catch(() => undefined)
    ring = undefined
  }

  const run = async (): Promise<void> => {
    // a reorganisation may have passed while this node was down
    let takenBack = true
    const unsubscribe = ctx.ledger.onChange((task, back) => {
      if (task !== ctx.task) return
      takenBack ||= back === true
      wake()
    })
    try {
      while (!signal.aborted) {
        rung = false
        let wait = LOOK_EVERY_MS
        try {
          if (takenBack) {
            takenBack = false
            // what is being aggregated may be what was taken back
            const aggregating = [...running.values()].filter((work) => work.action.kind === 'aggregate')
            for (const work of aggregating) work.abort.abort()
            await Promise.all(aggregating.map((work) => work.done))
            const from = await retreat(ctx).catch((error) => {
              takenBack = true
              throw error
            })
            if (from !== null) ctx.emit({ event: 'taken-back', round: from })
          }
          const at = await look()
          tell(at)
          cancelStale(at)
          const actions = nextActions({
            task: at.task,
            round: at.round,
            me: ctx.ledger.account,
            enrolled: at.enrolled,
            claimable: at.claimable,
            local: await readFacts(ctx, at),
            now: at.now,
            since: toldAt,
            duties,
          })
          for (const action of actions) {
            if (action.kind === 'done' && running.size === 0) return
            if (action.kind === 'wait') wait = Math.min(wait, Math.max(100, (action.until - at.now) * 1000))
            else if (action.kind !== 'done') start(action, at)
          }
        } catch (error) {
          if (signal.aborted) break
          report(error, 'look')
        }
        await pause(wait)
      }
    } finally {
      unsubscribe()
      for (const work of running.values()) work.abort.abort()
      await Promise.allSettled([...running.values()].map((w) => w.done))
    }
  }

  return { wake, run }
}
