/**
 * A process of bench/train.ts: one LoRA step in Covey's engine.
 *
 *   node bench/peers/covey-lora-step.ts WORK_JSON THREADS fp32|int8
 */
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts'
import type { Precision } from '../../src/types/engine.ts'
import type { StepWork } from '../shapes.ts'
import { answerSteps } from '../step-process.ts'

const [work, threads, precision] = process.argv.slice(2) as [string, string, Precision]
await answerSteps(createOnnxEngine(), JSON.parse(work) as StepWork, Number(threads), precision)
