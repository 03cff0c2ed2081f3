/** 8-bit products against float32: the same model, adapter and batches. */
import { expect } from 'chai'
import { createLayout } from '../../../src/adapter/layout.ts'
import { createOnnxEngine } from '../../../src/engine/onnx/engine.ts'
import type { Precision, Trainable, Trainer } from '../../../src/types/engine.ts'
import { adam, gradientProbe, livelyModel, randomBatch, randomVector } from '../../support/engine-fixtures.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'

const layout = createLayout(tinyConfig, tinyLora)
const lora: Trainable = { kind: 'lora', layout, factors: ['A', 'B'] }
const open = (precision: Precision, trainable: Trainable = lora, optimizer = gradientProbe): Promise<Trainer> =>
  createOnnxEngine().openTrainer({
    model: livelyModel(tinyConfig),
    trainable,
    optimizer,
    threads: 1,
    seed: 1,
    precision,
  })

const cosine = (a: Float32Array, b: Float32Array): number => {
  const dot = (x: Float32Array, y: Float32Array): number => x.reduce((s, v, i) => s + v * (y[i] as number), 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

describe('8-bit products', () => {
  it('give the loss and the gradient of float32, up to rounding', async () => {
    const batches = [randomBatch(tinyConfig, 6, 1), randomBatch(tinyConfig, 5, 2)]
    const values = randomVector(layout.size, 0.3)
    const [exact, rounded] = await Promise.all(
      (['fp32', 'int8'] as const).map(async (precision) => {
        const trainer = await open(precision)
        trainer.setParameters(values)
        const { loss } = await trainer.step(batches, 0)
        const gradient = trainer.optimizerState().m
        await trainer.close()
        return { loss, gradient }
      }),
    )
    if (!exact || !rounded) throw new Error('two runs')
    expect(rounded.loss).to.not.equal(exact.loss)
    expect(rounded.loss).to.be.closeTo(exact.loss, 0.01 * exact.loss)
    expect(cosine(rounded.gradient, exact.gradient)).to.be.greaterThan(0.99)
  })

  it('learn a small batch by heart', async () => {
    const trainer = await open('int8', lora, adam)
    trainer.setParameters(randomVector(layout.size, 0.1))
    const batch = randomBatch(tinyConfig)
    const first = await trainer.step([batch], 0.03)
    let last = first
    for (let i = 0; i < 80; i++) last = await trainer.step([batch], 0.03)
    await trainer.close()
    expect(last.loss).to.be.below(first.loss / 4)
  })

  it('leave what is trained alone: all weights are float32 in a full training', async () => {
    const batch = randomBatch(tinyConfig)
    const losses = await Promise.all(
      (['fp32', 'int8'] as const).map(async (precision) => {
        const trainer = await open(precision, { kind: 'full' })
        const { loss } = await trainer.step([batch], 0)
        await trainer.close()
        return loss
      }),
    )
    expect(losses[0]).to.equal(losses[1])
  })
})
