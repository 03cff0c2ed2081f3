/**
 * A process of bench/train.ts: one LoRA step in Covey's engine.
 *
 *   node bench/peers/covey-lora-step.ts WORK_JSON THREADS fp32|int8
 *
 * Answers each line on standard input with {"ms", "loss", "rssMb", "openMs"}: the last is what opening the model took, its
 * graph and its threads.
 */
import { createInterface } from 'node:readline'
import { createLayout, initialAdapter, linearNames } from '../../src/adapter/layout.ts'
import { createOnnxEngine } from '../../src/engine/onnx-engine.ts'
import { createRandomModel } from '../../src/model/random.ts'
import type { Precision } from '../../src/types/engine.ts'
import { type StepWork, workBatch } from '../shapes.ts'

const work = JSON.parse(process.argv[2] as string) as StepWork
const { rows: _rows, length: _length, rank, alpha, ...config } = work
const layout = createLayout(config, {
  rank,
  alpha,
  rsLora: false,
  dropout: 0,
  targets: linearNames(config),
  seed: 1,
})
const began = performance.now()
const trainer = await createOnnxEngine().openTrainer({
  model: createRandomModel(config, 1),
  trainable: { kind: 'lora', layout, factors: ['A', 'B'] },
  optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 0 },
  threads: Number(process.argv[3]),
  seed: 1,
  precision: process.argv[4] as Precision,
})
const openMs = performance.now() - began
trainer.setParameters(initialAdapter(layout).values)
const batch = workBatch(work)
for await (const _ of createInterface({ input: process.stdin })) {
  const start = performance.now()
  const { loss } = await trainer.step([batch], 1e-3)
  const ms = performance.now() - start
  // maxRSS is in kilobytes
  const rssMb = process.resourceUsage().maxRSS / 1000
  process.stdout.write(`${JSON.stringify({ ms, loss, rssMb, openMs })}\n`)
}
await trainer.close()
