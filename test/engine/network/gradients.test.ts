/** The graph's derivatives against central differences of its own loss (fourth order, step 1e-2). */
import { createLayout, linearNames } from '../../../src/adapter/layout.ts'
import { createOnnxEngine } from '../../../src/engine/onnx/engine.ts'
import type { Trainable, Trainer } from '../../../src/types/engine.ts'
import type { ModelConfig } from '../../../src/types/model.ts'
import { gradientProbe, livelyModel, randomVector } from '../../support/engine-fixtures.ts'
import { type ConfigJson, FAMILIES, familyConfig } from '../../support/families.ts'
import { checkGradient, placesIn } from '../../support/finite-differences.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'

/** of the weights */
const SEED = 2

/** What they have is in other shapes of the list, and each costs seconds. */
const COVERED = ['SmolLM2', 'Llama 3.2', 'Mistral Nemo', 'Qwen2.5 with window', 'Qwen3 with YaRN']

/** Differences need a curve: what bends at 0 (ReLU) is put in place of nothing here, but of OPT's activation. */
const smooth = (json: ConfigJson): ConfigJson =>
  json.activation_function === 'relu' ? { ...json, activation_function: 'gelu' } : json

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
      await checkGradient(trainer, config, trainer.parameters(), placesIn(spans, 1))
      await trainer.close()
    })

    it(`LoRA on every linear layer: ${name}`, async () => {
      const layout = createLayout(config, { ...tinyLora, targets: linearNames(config) })
      const trainer = await open(config, { kind: 'lora', layout, factors: ['A', 'B'] })
      const spans = layout.entries.map((e) => ({ offset: e.offset, size: e.shape[0] * e.shape[1] }))
      await checkGradient(trainer, config, randomVector(layout.size, 0.3), placesIn(spans, 1))
      await trainer.close()
    })
  }

  for (const lora of [tinyLora, { ...tinyLora, rsLora: true, dropout: 0.3 }]) {
    it(`LoRA factors: rsLoRA ${lora.rsLora}, dropout ${lora.dropout}`, async () => {
      const layout = createLayout(tinyConfig, lora)
      const trainer = await open(tinyConfig, { kind: 'lora', layout, factors: ['A', 'B'] })
      const spans = layout.entries.map((e) => ({ offset: e.offset, size: e.shape[0] * e.shape[1] }))
      await checkGradient(trainer, tinyConfig, randomVector(layout.size, 0.3), placesIn(spans, 1))
      await trainer.close()
    })
  }
})
