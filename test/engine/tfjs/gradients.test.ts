/** The graph against TensorFlow.js: same loss, same derivatives, from a forward pass written independently. */
import { expect } from 'chai'
import { createLayout } from '../../../src/adapter/layout.ts'
import { createOnnxEngine } from '../../../src/engine/onnx/engine.ts'
import type { Trainable } from '../../../src/types/engine.ts'
import type { BaseModel } from '../../../src/types/model.ts'
import { distance, gradientProbe, livelyModel, randomBatch, randomVector } from '../../support/engine-fixtures.ts'
import { tfjsGradients } from '../../support/tfjs-llama.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'

/** two float32 forward and backward passes in another order of summation */
const TOLERANCE = 5e-6

async function engineGradient(model: BaseModel, trainable: Trainable, at: Float32Array | null) {
  const trainer = await createOnnxEngine().openTrainer({
    model,
    trainable,
    optimizer: gradientProbe,
    threads: 1,
    seed: 1,
  })
  if (at) trainer.setParameters(at)
  const { loss } = await trainer.step([randomBatch(model.config)], 0)
  const gradient = trainer.optimizerState().m
  await trainer.close()
  return { loss, gradient }
}

describe('engine gradients against TensorFlow.js', () => {
  for (const tiedEmbeddings of [true, false]) {
    it(`all weights, tied head ${tiedEmbeddings}`, async () => {
      const model = livelyModel({ ...tinyConfig, tiedEmbeddings })
      const oracle = await tfjsGradients(model, randomBatch(model.config), null)
      const { loss, gradient } = await engineGradient(model, { kind: 'full' }, null)
      expect(loss).to.be.closeTo(oracle.loss, TOLERANCE)
      let at = 0
      for (const [name, expected] of oracle.gradients) {
        expect(distance(gradient.subarray(at, at + expected.length), expected), name).to.be.below(TOLERANCE)
        at += expected.length
      }
      expect(at).to.equal(gradient.length)
    })
  }

  it('LoRA factors', async () => {
    const model = livelyModel(tinyConfig)
    const layout = createLayout(tinyConfig, { ...tinyLora, rsLora: true })
    const values = randomVector(layout.size, 0.5)
    const oracle = await tfjsGradients(model, randomBatch(model.config), { layout, values })
    const { loss, gradient } = await engineGradient(model, { kind: 'lora', layout, factors: ['A', 'B'] }, values)
    expect(loss).to.be.closeTo(oracle.loss, TOLERANCE)
    for (const e of layout.entries) {
      const expected = oracle.gradients.get(e.name) ?? new Float32Array()
      expect(distance(gradient.subarray(e.offset, e.offset + expected.length), expected), e.name).to.be.below(TOLERANCE)
    }
  })
})
