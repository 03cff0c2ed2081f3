/** TensorFlow.js's side of a thread. */
import { LocalInference } from '../loop/inference.ts'
import { trainedSpans } from '../loop/slots.ts'
import { LocalTrainer } from '../loop/trainer.ts'
import { inferenceMethods, type Opened, trainerMethods } from '../threads/methods.ts'
import { TfjsGradients } from './gradients.ts'
import { TfjsRunner } from './runner.ts'
import { openTf } from './runtime.ts'
import type { TfjsSetup } from './setup.ts'
import { keepWeights } from './weights.ts'

/** @throws CoveyError E_ENGINE */
export async function open(setup: TfjsSetup): Promise<Opened> {
  const { tf, backend } = await openTf(setup.backends)
  const runtime = `tfjs (${backend})`
  const { layout } = setup
  const frozen = keepWeights(tf, setup.weights)
  if (setup.kind === 'infer') {
    const runner = new TfjsRunner(tf, setup.config, layout, frozen)
    return { runtime, methods: inferenceMethods(new LocalInference(runner, setup.config)) }
  }
  const { slots, settings, memory } = setup
  const { config } = settings
  const source = new TfjsGradients({ tf, config, slots, layout, frozen, theta: memory.theta })
  return { runtime, methods: trainerMethods(new LocalTrainer(source, trainedSpans(slots), settings, memory)) }
}
