/**
 * The loop that every training runs: a participant's round, `covey train`, the comparisons of quickstart.
 * It yields its progress, so that whoever asked can show it, and returns a summary.
 */
import { throwIfAborted } from '../src/base/abort.ts'
import type { Clock } from '../src/types/clock.ts'
import type { PackedBatch } from '../src/types/data.ts'
import type { StepNoise, Trainer } from '../src/types/engine.ts'

export interface TrainLoopOptions {
  readonly trainer: Trainer
  /** may take its time: a teacher is asked first; null: a step of noise alone */
  readonly nextBatch: () => PackedBatch | null | Promise<PackedBatch>
  /** for a trainer that clips each example; made while the step before computes, which must not see it change */
  readonly nextNoise?: () => StepNoise
  readonly steps: number
  /** by 0-based step */
  readonly learningRate: (step: number) => number
  readonly clock: Clock
  readonly signal?: AbortSignal
}

export interface TrainProgress {
  /** steps done */
  readonly step: number
  readonly steps: number
  /** smoothed over about ten steps, nats per label */
  readonly loss: number
  readonly tokensPerSecond: number
  readonly secondsLeft: number
}

export interface TrainSummary {
  readonly steps: number
  /** smoothed loss at the end */
  readonly loss: number
  readonly tokens: number
  readonly seconds: number
}

/** Weight of the newest step in the smoothed loss. */
const SMOOTHING = 0.1

/** @throws CoveyError E_DIVERGED | E_ABORTED | E_ENGINE */
export async function* trainLoop(options: TrainLoopOptions): AsyncGenerator<TrainProgress, TrainSummary> {
  const { trainer, steps, clock } = options
  const start = clock.now()
  let tokens = 0
  let loss = 0
  let noise = options.nextNoise?.()
  for (let step = 0; step < steps; step++) {
    throwIfAborted(options.signal)
    const batch = await options.nextBatch()
    const running = trainer.step(batch === null ? [] : [batch], options.learningRate(step), options.signal, noise)
    if (step + 1 < steps) noise = options.nextNoise?.()
    const result = await running
    tokens += result.tokens
    // an average that is not pulled down by its start: 1/n until n reaches 1/SMOOTHING
    if (result.labels > 0) loss += (result.loss - loss) * Math.max(SMOOTHING, 1 / (step + 1))
    const seconds = (clock.now() - start) / 1000
    yield {
      step: step + 1,
      steps,
      loss,
      tokensPerSecond: seconds > 0 ? tokens / seconds : 0,
      secondsLeft: (seconds / (step + 1)) * (steps - step - 1),
    }
  }
  return { steps, loss, tokens, seconds: (clock.now() - start) / 1000 }
}
