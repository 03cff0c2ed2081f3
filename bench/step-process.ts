/** What the processes of bench/train.ts do that run an engine of Covey's: LoRA steps on demand. */
import { createInterface } from 'node:readline'
import { workBatch } from '../node/precision.ts'
import { optimizerOf } from '../node/workbench.ts'
import { createLayout, initialAdapter, linearNames } from '../src/adapter/layout.ts'
import { createRandomModel } from '../src/model/random.ts'
import type { Precision, TrainingEngine } from '../src/types/engine.ts'
import type { StepWork } from './shapes.ts'

/**
 * Answers each line on standard input with {"ms", "loss", "rssMb", "openMs"}: the last is what opening the model took, its
 * graph and its threads.
 */
export async function answerSteps(
  engine: TrainingEngine,
  work: StepWork,
  threads: number,
  precision: Precision,
): Promise<void> {
  const { rows, length, rank, alpha, ...config } = work
  const layout = createLayout(config, {
    rank,
    alpha,
    rsLora: false,
    dropout: 0,
    targets: linearNames(config),
    seed: 1,
  })
  const began = performance.now()
  const trainer = await engine.openTrainer({
    model: createRandomModel(config, 1),
    trainable: { kind: 'lora', layout, factors: ['A', 'B'] },
    optimizer: optimizerOf({ weightDecay: 0.01, clipNorm: 0 }),
    threads,
    seed: 1,
    precision,
  })
  const openMs = performance.now() - began
  trainer.setParameters(initialAdapter(layout).values)
  const batch = workBatch(config.vocabSize, rows, length)
  for await (const _ of createInterface({ input: process.stdin })) {
    const start = performance.now()
    const { loss } = await trainer.step([batch], 1e-3)
    const ms = performance.now() - start
    // maxRSS is in kilobytes
    const rssMb = process.resourceUsage().maxRSS / 1000
    process.stdout.write(`${JSON.stringify({ ms, loss, rssMb, openMs })}\n`)
  }
  await trainer.close()
}
