/** The graph's derivatives against central differences of its own loss (fourth order, step 1e-2). */
import { expect } from 'chai'
import { createLayout, linearNames } from '../../src/adapter/layout.ts'
import { seededRandom } from '../../src/base/random.ts'
import { createOnnxEngine } from '../../src/engine/onnx-engine.ts'
import type { Trainable, Trainer } from '../../src/types/engine.ts'
import type { ModelConfig } from '../../src/types/model.ts'
import { classifierBatch, gradientProbe, livelyModel, randomBatch, randomVector } from '../support/engine-fixtures.ts'
import { type ConfigJson, FAMILIES, familyConfig } from '../support/families.ts'
import { tinyConfig, tinyLora } from '../support/tiny-config.ts'

const STEP = 1e-2
/** of a classifier, whose ReLU must not bend between two measurements */
const SHORT_STEP = 2e-3
/** of the weights */
const SEED = 2
/** float32 loss noise (about 2e-7) over the step */
const TOLERANCE = 2e-4
/** the remainder of the fourth-order formula */
const RELATIVE = 4e-3

/** What they have is in other shapes of the list, and each costs seconds. */
const COVERED = ['SmolLM2', 'Llama 3.2', 'Mistral Nemo', 'Qwen2.5 with window', 'Qwen3 with YaRN']

/** Differences need a curve: what bends at 0 (ReLU) is put in place of nothing here, but of OPT's activation. */
const smooth = (json: ConfigJson): ConfigJson =>
  json.activation_function === 'relu' ? { ...json, activation_function: 'gelu' } : json

async function check(
  trainer: Trainer,
  config: ModelConfig,
  at: Float32Array,
  places: readonly number[],
): Promise<void> {
  const batches = [randomBatch(config, 4, 1), randomBatch(config, 3, 2)].map((b) => {
    const { classes } = config.plain ?? {}
    return classes === undefined ? b : classifierBatch(b, classes.length)
  })
  const lossAt = async (i: number, by: number): Promise<number> => {
    const moved = at.slice()
    moved[i] = (moved[i] as number) + by
    trainer.setParameters(moved)
    return (await trainer.step(batches, 0)).loss
  }
  const step = config.plain?.classes === undefined ? STEP : SHORT_STEP
  trainer.setParameters(at)
  await trainer.step(batches, 0)
  const gradient = trainer.optimizerState().m
  let largest = 0
  for (const i of places) {
    const near = (await lossAt(i, step)) - (await lossAt(i, -step))
    const far = (await lossAt(i, 2 * step)) - (await lossAt(i, -2 * step))
    const expected = (8 * near - far) / (12 * step)
    expect(gradient[i], `parameter ${i}`).to.be.closeTo(expected, TOLERANCE + RELATIVE * Math.abs(expected))
    largest = Math.max(largest, Math.abs(expected))
  }
  expect(largest, 'the gradients tested are not all near zero').to.be.greaterThan(100 * TOLERANCE)
}

/** A few places in each stretch of the flat vector. */
function placesIn(spans: readonly { offset: number; size: number }[], each: number): number[] {
  const random = seededRandom('places')
  return spans.flatMap(({ offset, size }) => Array.from({ length: each }, () => offset + random.int(size)))
}

async function open(config: ModelConfig, trainable: Trainable): Promise<Trainer> {
  return createOnnxEngine().openTrainer({
    model: livelyModel(config, SEED),
    trainable,
    optimizer: gradientProbe,
    threads: 1,
    seed: 1,
  })
}

describe('engine gradients against finite differences', () => {
  const shapes: [string, ModelConfig][] = [
    ['tied head, grouped queries', tinyConfig],
    ['separate head, one key head for each query head', { ...tinyConfig, tiedEmbeddings: false, kvHeads: 4 }],
    ...Object.entries(FAMILIES)
      .filter(([name]) => !COVERED.includes(name))
      .map(([name, json]): [string, ModelConfig] => [name, familyConfig(smooth(json))]),
  ]
  for (const [name, config] of shapes) {
    it(`all weights: ${name}`, async () => {
      const trainer = await open(config, { kind: 'full' })
      const model = livelyModel(config, SEED)
      let offset = 0
      const spans = model.tensorNames.map((tensor) => {
        const size = model.shape(tensor).reduce((n, d) => n * d, 1)
        offset += size
        return { offset: offset - size, size }
      })
      await check(trainer, config, trainer.parameters(), placesIn(spans, 1))
      await trainer.close()
    })

    it(`LoRA on every linear layer: ${name}`, async () => {
      const layout = createLayout(config, { ...tinyLora, targets: linearNames(config) })
      const trainer = await open(config, { kind: 'lora', layout, factors: ['A', 'B'] })
      const spans = layout.entries.map((e) => ({ offset: e.offset, size: e.shape[0] * e.shape[1] }))
      await check(trainer, config, randomVector(layout.size, 0.3), placesIn(spans, 1))
      await trainer.close()
    })
  }

  for (const lora of [tinyLora, { ...tinyLora, rsLora: true, dropout: 0.3 }]) {
    it(`LoRA factors: rsLoRA ${lora.rsLora}, dropout ${lora.dropout}`, async () => {
      const layout = createLayout(tinyConfig, lora)
      const trainer = await open(tinyConfig, { kind: 'lora', layout, factors: ['A', 'B'] })
      const spans = layout.entries.map((e) => ({ offset: e.offset, size: e.shape[0] * e.shape[1] }))
      await check(trainer, tinyConfig, randomVector(layout.size, 0.3), placesIn(spans, 1))
      await trainer.close()
    })
  }
})
