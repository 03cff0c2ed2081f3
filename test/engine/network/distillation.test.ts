/** The derivative of the mixed loss: finite differences in the heads that families have, and what underflows. */
import { createLayout } from '../../../src/adapter/layout.ts'
import { answersOf } from '../../../src/engine/loop/batch.ts'
import { createOnnxEngine } from '../../../src/engine/onnx/engine.ts'
import type { Trainable } from '../../../src/types/engine.ts'
import type { ModelConfig } from '../../../src/types/model.ts'
import { gradientProbe, livelyModel, randomVector, taught } from '../../support/engine-fixtures.ts'
import { FAMILIES, familyConfig } from '../../support/families.ts'
import { checkGradient, placesIn } from '../../support/finite-differences.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'
import { distillationBehavior, probabilitiesBehavior } from '../distillation.behavior.ts'

const HEADS: [name: string, ModelConfig][] = [
  ['tied head', tinyConfig],
  ['separate head', { ...tinyConfig, tiedEmbeddings: false }],
  ...Object.entries(FAMILIES)
    .map(([name, json]): [string, ModelConfig] => [name, familyConfig(json)])
    .filter(([, c]) => c.logitSoftcap !== undefined || c.plain?.head !== undefined),
  ['soft cap', { ...tinyConfig, logitSoftcap: 3 }],
]

describe('ONNX engine: distillation', () => {
  distillationBehavior(createOnnxEngine)
  probabilitiesBehavior(createOnnxEngine)

  for (const [name, config] of HEADS) {
    const answers = answersOf(config)
    for (const [temperature, mix, width] of [
      [2, 0.6, Math.ceil(answers / 4)],
      [1, 1, answers],
    ] as const) {
      it(`finite differences, all weights, ${name}, T = ${temperature}, mix ${mix}, ${width} tokens`, async () => {
        const model = livelyModel(config, 2)
        const trainable: Trainable = { kind: 'full' }
        const distillation = { temperature, mix }
        const options = { model, trainable, optimizer: gradientProbe, threads: 1, seed: 1, distillation }
        const trainer = await createOnnxEngine().openTrainer(options)
        let offset = 0
        const spans = model.tensorNames.map((tensor) => {
          const size = model.shape(tensor).reduce((n, d) => n * d, 1)
          offset += size
          return { offset: offset - size, size }
        })
        const places = placesIn(spans, 1)
        await checkGradient(trainer, config, trainer.parameters(), places, (b) => taught(b, answers, width))
        await trainer.close()
      })
    }
  }

  it('finite differences, LoRA', async () => {
    const layout = createLayout(tinyConfig, tinyLora)
    const trainer = await createOnnxEngine().openTrainer({
      model: livelyModel(tinyConfig, 2),
      trainable: { kind: 'lora', layout, factors: ['A', 'B'] },
      optimizer: gradientProbe,
      threads: 1,
      seed: 1,
      distillation: { temperature: 3, mix: 0.5 },
    })
    const spans = layout.entries.map((e) => ({ offset: e.offset, size: e.shape[0] * e.shape[1] }))
    const soft = (b: Parameters<typeof taught>[0]) => taught(b, tinyConfig.vocabSize, 8)
    await checkGradient(trainer, tinyConfig, randomVector(layout.size, 0.3), placesIn(spans, 1), soft)
    await trainer.close()
  })
})
