/**
 * A process of bench/train.ts: one LoRA step in TensorFlow.js, as Covey's second engine does it.
 *
 *   node bench/peers/tfjs-lora-step.ts WORK_JSON THREADS wasm|cpu|node
 *
 * TensorFlow.js takes one thread in Node with `wasm` and `cpu`, whatever THREADS says; `node` is @tensorflow/tfjs-node.
 */
import { createTfjsEngine } from '../../src/engine/tfjs/engine.ts'
import type { Backend } from '../../src/engine/tfjs/runtime.ts'
import type { StepWork } from '../shapes.ts'
import { answerSteps } from '../step-process.ts'

const [work, threads, backend] = process.argv.slice(2) as [string, string, Backend]
// no other backend: a figure must be that of the one named
await answerSteps(createTfjsEngine({ backends: [backend] }), JSON.parse(work) as StepWork, Number(threads), 'fp32')
