/** A proposer's first duty: train from the global adapter, write the delta and its salt down. Nothing leaves the process here. */
import { encodeDelta, residualOf } from '../../src/adapter/delta.ts'
import { trainedSize } from '../../src/adapter/encodings/encoding.ts'
import { encodingNamed } from '../../src/adapter/encodings/registry.ts'
import { bytesToHex } from '../../src/base/bytes.ts'
import { CoveyError } from '../../src/base/errors.ts'
import { createBatcher } from '../../src/data/batches.ts'
import type { TaskContext } from '../context.ts'
import { directionsOf } from '../directions.ts'
import type { DeltaRecord } from '../keys.ts'
import { journalKeys } from '../keys.ts'
import { spendRound } from '../privacy/budget.ts'
import { dpOf } from '../privacy/floor.ts'
import { clippingOf, noisedDelta, privateSteps } from '../privacy/train.ts'
import { forgetEarlierResiduals, keepResidual, residualFor } from '../residual.ts'
import { learningRateAt } from '../schedule.ts'
import { trainLoop } from '../train-loop.ts'
import { globalAfter } from './global.ts'

/** Progress is told at most this often, ms: a person reads it, a pipe carries it. */
const PROGRESS_EVERY_MS = 250

/** @throws CoveyError E_DATA_EMPTY | E_PRIVACY | E_DIVERGED | E_ABORTED | E_DISK */
export async function trainDelta(
  ctx: TaskContext,
  round: number,
  rounds: number,
  signal: AbortSignal,
): Promise<DeltaRecord> {
  const key = journalKeys.delta(ctx.task, round)
  const known = await ctx.store.journal.get<DeltaRecord>(key)
  if (known !== undefined) return known
  if (ctx.data === null || ctx.data.train.length === 0) {
    throw new CoveyError(
      'E_DATA_EMPTY',
      'this node has no private examples to train on: set data.file in its configuration',
    )
  }
  await ctx.masked?.expectCohort(round, signal)
  const { training } = ctx.spec
  const start = await globalAfter(ctx, round - 1)
  const factors = ctx.aggregator.trainedFactors(round)
  const dp = dpOf(ctx.spec.privacy)
  const release = dp && (await spendRound(ctx, dp, round, rounds))
  const byExample = release?.unit === 'example'
  const trained = trainedSize(ctx.layout, factors)
  const trainer = await ctx.workbench.trainer(
    factors,
    dp && byExample ? clippingOf(dp, release, training.batchExamples, trained) : undefined,
  )
  trainer.setParameters(start.values)
  const moments = ctx.workbench.moments.get(factors.join(''))
  if (moments !== undefined) trainer.restoreOptimizer(moments)
  const batcher = createBatcher(ctx.data.train, {
    batchExamples: training.batchExamples,
    maxTokens: training.maxTokens,
    seed: `${ctx.ledger.account} ${ctx.task} ${round}`,
  })
  const loop = trainLoop({
    trainer,
    ...(dp && byExample
      ? privateSteps(ctx.data.train, dp, release, trained, ctx.randomBytes)
      : { nextBatch: () => batcher.next() }),
    steps: training.steps,
    learningRate: (step) =>
      learningRateAt(training, step, (round - 1) * training.steps + step, rounds * training.steps),
    clock: ctx.clock,
    signal,
  })
  const began = ctx.clock.now()
  let told = 0
  for await (const progress of loop) {
    if (progress.step < progress.steps && ctx.clock.now() - told < PROGRESS_EVERY_MS) continue
    told = ctx.clock.now()
    ctx.emit({ event: 'training', round, ...progress })
  }
  ctx.workbench.moments.set(factors.join(''), trainer.optimizerState())
  const after = trainer.parameters()
  const change = new Float32Array(after.length)
  for (let i = 0; i < change.length; i++) change[i] = (after[i] as number) - (start.values[i] as number)
  const feedback = encodingNamed(ctx.spec.encoding).feedback > 0
  const residual = feedback ? await residualFor(ctx, factors, round) : null
  residual?.forEach((x, i) => {
    change[i]! += x
  })
  // a masked delta gets its part of the noise with its masks
  const shown =
    dp && release && !byExample && ctx.masked === null
      ? noisedDelta(ctx.layout, factors, change, dp, release, ctx.randomBytes)
      : change
  const values = ctx.tamper === null ? shown : ctx.tamper(shown, round)
  const delta = { layout: ctx.layout, factors, values, directions: directionsOf(ctx).own }
  const bytes =
    ctx.masked === null ? encodeDelta(delta, ctx.spec.encoding) : await ctx.masked.encode(round, values, signal)
  if (feedback) await keepResidual(ctx, factors, round, residualOf(delta, bytes, ctx.spec.encoding))
  const digest = await ctx.store.blobs.put(bytes)
  const record = await ctx.store.journal.once<DeltaRecord>(key, () => ({
    digest,
    size: bytes.byteLength,
    baseDigest: start.digest,
    salt: `0x${bytesToHex(ctx.randomBytes(32))}`,
  }))
  if (feedback) await forgetEarlierResiduals(ctx, factors, round)
  ctx.emit({
    event: 'delta',
    round,
    digest: record.digest,
    size: record.size,
    seconds: (ctx.clock.now() - began) / 1000,
  })
  return record
}
