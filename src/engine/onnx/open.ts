/** ONNX Runtime's side of a thread. */
import { LocalInference } from '../loop/inference.ts'
import { trainedSpans } from '../loop/slots.ts'
import { LocalTrainer } from '../loop/trainer.ts'
import { inferenceMethods, type Opened, trainerMethods } from '../threads/methods.ts'
import { OnnxGradients } from './gradients.ts'
import { OnnxRunner } from './runner.ts'
import { createSession } from './session.ts'
import type { OnnxSetup } from './setup.ts'

/** @throws CoveyError E_ENGINE */
export async function open(setup: OnnxSetup): Promise<Opened> {
  const session = await createSession(setup.graph, setup)
  const runtime = setup.device === 'cpu' ? 'onnx' : `onnx (${setup.device})`
  if (setup.kind === 'infer') {
    const runner = new OnnxRunner(session, setup.config, setup.entries)
    return { runtime, methods: inferenceMethods(new LocalInference(runner, setup.config)) }
  }
  const { plan, settings, memory } = setup
  const source = new OnnxGradients(session, plan, memory.theta)
  return { runtime, methods: trainerMethods(new LocalTrainer(source, trainedSpans(plan.slots), settings, memory)) }
}
