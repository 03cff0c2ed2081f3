/** ONNX Runtime's side of a thread. */
import { LocalInference } from './inference.ts'
import { OnnxGradients } from './onnx-gradients.ts'
import { OnnxRunner } from './onnx-runner.ts'
import { createSession } from './session.ts'
import { LocalTrainer } from './trainer.ts'
import { inferenceMethods, type Opened, trainerMethods } from './worker-methods.ts'
import type { OnnxSetup } from './worker-protocol.ts'

/** @throws CoveyError E_ENGINE */
export async function openOnnx(setup: OnnxSetup): Promise<Opened> {
  const session = await createSession(setup.graph, setup.threads, setup.profile ?? undefined)
  if (setup.kind === 'infer') {
    const runner = new OnnxRunner(session, setup.config, setup.entries)
    return { runtime: 'onnx', methods: inferenceMethods(new LocalInference(runner, setup.config)) }
  }
  const { plan, settings, memory } = setup
  const source = new OnnxGradients(session, plan, memory.theta)
  const trained = plan.slots.filter((s) => s.trained)
  return { runtime: 'onnx', methods: trainerMethods(new LocalTrainer(source, trained, settings, memory)) }
}
