/** What clipping example by example and noise cost: the same batches through a trainer with them and through one without. */
import { randomBytes } from 'node:crypto'
import { privateSteps } from '../../node/privacy/train.ts'
import { optimizerOf } from '../../node/workbench.ts'
import { trainedSize } from '../../src/adapter/encodings/encoding.ts'
import { initialAdapter } from '../../src/adapter/layout.ts'
import { packTightly } from '../../src/data/pack.ts'
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts'
import type { LoraFactor, LoraLayout } from '../../src/types/adapter.ts'
import type { TokenizedExample } from '../../src/types/data.ts'
import type { BaseModel } from '../../src/types/model.ts'
import type { TrainingSpec } from '../../src/types/spec.ts'

const WARM_STEPS = 3

export interface StepRatioOptions {
  readonly model: BaseModel
  readonly layout: LoraLayout
  readonly factors: readonly LoraFactor[]
  readonly training: TrainingSpec
  readonly examples: readonly TokenizedExample[]
  readonly threads: number
  /** of each kind; they take turns, so that whatever else the machine does meets both */
  readonly steps: number
}

export interface StepRatio {
  /** median time of a step, ms: the draw, the rows, the engine, and the noise that it waits for */
  readonly private_ms: number
  readonly plain_ms: number
  readonly ratio: number
}

export async function measureStepRatio(options: StepRatioOptions): Promise<StepRatio> {
  const { model, layout, factors, training, examples, threads, steps } = options
  const { batchExamples } = training
  const engine = createOnnxEngine()
  const common = {
    model,
    trainable: { kind: 'lora', layout, factors } as const,
    optimizer: optimizerOf(training),
    threads,
    seed: 1,
  }
  const plain = await engine.openTrainer(common)
  const noisy = await engine.openTrainer({ ...common, perExample: { clip: 1, examples: batchExamples } })
  for (const trainer of [plain, noisy]) trainer.setParameters(initialAdapter(layout).values)
  const times = { plain: [] as number[], noisy: [] as number[] }
  let noise: ReturnType<ReturnType<typeof privateSteps>['nextNoise']> | undefined
  for (let step = 0; step < steps + WARM_STEPS; step++) {
    // the same examples for both: rate 1 draws all that it is given
    const own = Array.from({ length: batchExamples }, (_, i) => examples[(step * batchExamples + i) % examples.length]!)
    const dp = { unit: 'example', epsilon: 1, delta: 1e-5, clip: 1 } as const
    const source = privateSteps(
      own,
      dp,
      { unit: 'example', noise: 1, rate: 1, steps: 1 },
      trainedSize(layout, factors),
      randomBytes,
    )
    noise ??= source.nextNoise()
    const began = performance.now()
    await plain.step([packTightly(own)], 1e-4)
    const between = performance.now()
    const batch = source.nextBatch()
    const running = noisy.step(batch === null ? [] : [batch], 1e-4, undefined, noise)
    noise = source.nextNoise()
    await running
    if (step < WARM_STEPS) continue
    times.plain.push(between - began)
    times.noisy.push(performance.now() - between)
  }
  await Promise.all([plain.close(), noisy.close()])
  const [private_ms, plain_ms] = [median(times.noisy), median(times.plain)]
  return { private_ms, plain_ms, ratio: private_ms / plain_ms }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number
}
