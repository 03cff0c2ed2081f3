/** The learning rate as a function of where training stands. */
import type { TrainingSpec } from '../src/types/spec.ts'

/** A cosine schedule ends at this part of the peak. */
const COSINE_FLOOR = 0.1

/**
 * @param stepInRound 0-based step inside this round: warm-up starts anew each round, since the adapter is another one
 * @param done steps of the whole task before this one
 * @param total steps of the whole task (rounds · steps)
 */
export function learningRateAt(training: TrainingSpec, stepInRound: number, done: number, total: number): number {
  const warmup = training.warmupSteps > 0 ? Math.min(1, (stepInRound + 1) / training.warmupSteps) : 1
  if (training.schedule === 'constant') return training.learningRate * warmup
  const progress = Math.min(1, done / Math.max(1, total))
  const cosine = COSINE_FLOOR + ((1 - COSINE_FLOOR) * (1 + Math.cos(Math.PI * progress))) / 2
  return training.learningRate * warmup * cosine
}
