/** From an action to the duty that does it. */
import { CoveyError } from '../../src/base/errors.ts'
import type { Action } from '../../src/types/round.ts'
import type { Look, TaskContext } from '../context.ts'
import type { DeltaRecord, ScoresRecord } from '../keys.ts'
import { journalKeys } from '../keys.ts'
import { aggregateRound } from './global.ts'
import { pullMissing } from './pull.ts'
import { scoreRound } from './score.ts'
import { trainDelta } from './train.ts'

export async function perform(ctx: TaskContext, action: Action, look: Look, signal: AbortSignal): Promise<void> {
  const { ledger, task } = ctx
  switch (action.kind) {
    case 'join':
      await ledger.join(task)
      return
    case 'start-round':
      await ledger.startRound(task)
      return
    case 'train':
      await trainDelta(ctx, action.round, look.task.params.rounds, signal)
      return
    case 'commit':
      await ledger.commit(task, action.round, await ownDelta(ctx, action.round))
      return
    case 'reveal': {
      const delta = await ownDelta(ctx, action.round)
      await ledger.reveal(task, action.round, delta)
      await ctx.announce({ of: 'delta', task, round: action.round, digest: delta.digest, size: delta.size })
      return
    }
    case 'reveal-probe': {
      const slice = ctx.probe?.slice(action.round) ?? null
      if (slice === null) throw new CoveyError('E_INTERNAL', `no probe slice for round ${action.round}`)
      await ctx.store.blobs.put(slice.bytes)
      const size = slice.bytes.byteLength
      await ledger.revealProbe(task, action.round, { digest: slice.digest, size, proof: slice.proof })
      await ctx.announce({ of: 'slice', task, round: action.round, digest: slice.digest, size })
      return
    }
    case 'pull':
      await pullMissing(ctx, action, look, signal)
      return
    case 'cohort':
      await ctx.masked?.step(look, signal)
      return
    case 'score':
      await scoreRound(ctx, openRound(look), signal)
      return
    case 'commit-scores': {
      const { scores, salt } = await ownScores(ctx, action.round)
      await ledger.commitScores(task, action.round, scores, salt)
      return
    }
    case 'reveal-scores': {
      const { scores, salt } = await ownScores(ctx, action.round)
      await ledger.revealScores(task, action.round, scores, salt)
      return
    }
    case 'advance':
      await ledger.advance(task)
      return
    case 'aggregate': {
      const view = await ledger.round(task, action.round)
      await aggregateRound(ctx, view, signal)
      ctx.emit({ event: 'settled', round: view })
      return
    }
    case 'claim':
      await ledger.claim()
      return
    case 'wait':
    case 'done':
      return
  }
}

function openRound(look: Look) {
  if (look.round === null) throw new CoveyError('E_INTERNAL', 'there is no round yet')
  return look.round
}

async function ownDelta(ctx: TaskContext, round: number): Promise<DeltaRecord> {
  const record = await ctx.store.journal.get<DeltaRecord>(journalKeys.delta(ctx.task, round))
  if (record === undefined) throw new CoveyError('E_INTERNAL', `no delta of round ${round} is in the journal`)
  return record
}

async function ownScores(ctx: TaskContext, round: number): Promise<ScoresRecord> {
  const record = await ctx.store.journal.get<ScoresRecord>(journalKeys.scores(ctx.task, round))
  if (record === undefined) throw new CoveyError('E_INTERNAL', `no scores of round ${round} are in the journal`)
  return record
}
