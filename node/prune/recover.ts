/**
 * Training after pruning. What is trained is merged into the weights; where zeros have to stay, they are put back, which
 * takes away whatever was learned there: so training goes in rounds, each of them from weights that are sparse already.
 */
import { mergeAdapter } from '../../src/adapter/merge.ts'
import { methodLayout, untrainedAdapter } from '../../src/adapter/methods.ts'
import { keepZeros } from '../../src/model/derive/prune-weights.ts'
import type { LoraFactor, MethodSettings } from '../../src/types/adapter.ts'
import type { Clock } from '../../src/types/clock.ts'
import type { TokenizedExample } from '../../src/types/data.ts'
import type { TrainingEngine } from '../../src/types/engine.ts'
import type { BaseModel } from '../../src/types/model.ts'
import type { TrainingSpec } from '../../src/types/spec.ts'
import { trainAlone } from '../train-alone.ts'
import type { TrainProgress } from '../train-loop.ts'

export interface RecoveryPlan {
  readonly examples: readonly TokenizedExample[]
  /** of one round: its warm-up and schedule begin anew in each. `steps` is that of all rounds together */
  readonly training: TrainingSpec
  /** 1 where no zeros have to stay */
  readonly rounds: number
  /** for a model of this shape: it may have fewer layers than the one before */
  readonly method: (model: BaseModel) => MethodSettings
  readonly factors: readonly LoraFactor[]
  readonly threads: number
  readonly seed: number
}

export interface Recovered {
  readonly model: BaseModel
  /** the last round's model before its zeros were put back; null where none had to be */
  readonly unmasked: BaseModel | null
  readonly steps: number
  readonly seconds: number
}

/**
 * @param zeros the model whose zeros stay, null for none
 * @throws CoveyError E_DATA_EMPTY | E_DIVERGED | E_ABORTED | E_ENGINE | E_ADAPTER
 */
export async function recover(
  start: BaseModel,
  zeros: BaseModel | null,
  plan: RecoveryPlan,
  engine: TrainingEngine,
  clock: Clock,
  signal: AbortSignal,
  onProgress: (progress: TrainProgress) => void,
): Promise<Recovered> {
  const { training, threads, factors } = plan
  const rounds = Math.min(zeros === null ? 1 : plan.rounds, training.steps)
  let model = start
  let unmasked: BaseModel | null = null
  let done = 0
  let seconds = 0
  for (let round = 0; round < rounds; round++) {
    const steps = Math.floor(((round + 1) * training.steps) / rounds) - done
    const untrained = untrainedAdapter(model, methodLayout(model, plan.method(model)))
    const run = trainAlone({
      engine,
      model,
      layout: untrained.layout,
      factors,
      start: untrained.values,
      training: { ...training, steps, warmupSteps: Math.min(training.warmupSteps, steps) },
      examples: plan.examples,
      steps,
      threads,
      seed: `${plan.seed} ${round}`,
      clock,
      signal,
    })
    let next = await run.next()
    for (; !next.done; next = await run.next()) {
      const { step, secondsLeft } = next.value
      const later = (secondsLeft / Math.max(1, steps - step)) * (training.steps - done - steps)
      onProgress({
        ...next.value,
        step: done + step,
        steps: training.steps,
        secondsLeft: secondsLeft + (step < steps ? later : 0),
      })
    }
    done += steps
    seconds += next.value.seconds
    const merged = inMemory(mergeAdapter(model, { layout: untrained.layout, values: next.value.values }))
    unmasked = zeros === null ? null : merged
    model = zeros === null ? merged : keepZeros(merged, zeros)
  }
  return { model, unmasked, steps: done, seconds }
}

/** Tensors that were computed once: those of a round stand on all rounds before it. */
function inMemory(model: BaseModel): BaseModel {
  const tensors = new Map(model.tensorNames.map((name) => [name, model.tensor(name)]))
  return { ...model, tensor: (name) => tensors.get(name)?.slice() ?? model.tensor(name) }
}
