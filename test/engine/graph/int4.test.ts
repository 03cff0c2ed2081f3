/** 4-bit weights against float32: the codes, the products, their derivatives, learning. */
import { expect } from 'chai'
import fc from 'fast-check'
import { createLayout } from '../../../src/adapter/layout.ts'
import { INT4_BLOCK, roundTo4Bits } from '../../../src/engine/graph/int4.ts'
import { createOnnxEngine } from '../../../src/engine/onnx/engine.ts'
import { modelFromTensors } from '../../../src/model/memory.ts'
import type { OptimizerConfig, Precision, Trainer } from '../../../src/types/engine.ts'
import type { BaseModel, ModelConfig } from '../../../src/types/model.ts'
import { adam, gradientProbe, livelyModel, randomBatch, randomVector } from '../../support/engine-fixtures.ts'
import { checkGradient, placesIn } from '../../support/finite-differences.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'

/** Several blocks a row, the last of them part of one. */
const config: ModelConfig = { ...tinyConfig, hiddenSize: 72, ffnSize: 100 }
const layout = createLayout(config, tinyLora)
const model = livelyModel(config)

/** The numbers that codes stand for, straight from the definition. */
function numbersOf(w: Float32Array, rows: number, columns: number): Float32Array {
  const { codes, scales } = roundTo4Bits(w, rows, columns)
  const blocks = Math.ceil(columns / INT4_BLOCK)
  return w.map((_, i) => {
    const [r, c] = [Math.floor(i / columns), i % columns]
    const at = (r * blocks * INT4_BLOCK + c) >> 1
    const code = (codes[at]! >> ((c & 1) * 4)) & 15
    return (code - 8) * scales[r * blocks + Math.floor(c / INT4_BLOCK)]!
  })
}

const open = (base: BaseModel, precision: Precision, optimizer: OptimizerConfig = gradientProbe): Promise<Trainer> =>
  createOnnxEngine().openTrainer({
    model: base,
    trainable: { kind: 'lora', layout, factors: ['A', 'B'] },
    optimizer,
    threads: 1,
    seed: 1,
    precision,
  })

async function lossAndGradient(
  base: BaseModel,
  precision: Precision,
): Promise<{ loss: number; gradient: Float32Array }> {
  const trainer = await open(base, precision)
  trainer.setParameters(randomVector(layout.size, 0.1))
  const { loss } = await trainer.step([randomBatch(config, 6, 1), randomBatch(config, 5, 2)], 0)
  const gradient = trainer.optimizerState().m
  await trainer.close()
  return { loss, gradient }
}

const cosine = (a: Float32Array, b: Float32Array): number => {
  const dot = (x: Float32Array, y: Float32Array): number => x.reduce((s, v, i) => s + v * (y[i] as number), 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

describe('4-bit weights', () => {
  it('lie within an eighth of their block’s largest number, which is exact', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 80 }),
        fc.array(fc.float({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 240, maxLength: 240 }),
        (rows, columns, numbers) => {
          const w = Float32Array.from(numbers.slice(0, rows * columns))
          const got = numbersOf(w, rows, columns)
          for (let r = 0; r < rows; r++)
            for (let begin = 0; begin < columns; begin += INT4_BLOCK) {
              const places = Array.from(
                { length: Math.min(INT4_BLOCK, columns - begin) },
                (_, i) => r * columns + begin + i,
              )
              const most = Math.max(...places.map((i) => Math.abs(w[i]!)))
              // half a step, and a whole one at the end that has no code of its own; scales are rounded to float32
              for (const i of places) expect(Math.abs(got[i]! - w[i]!)).to.be.at.most(most / 8 + 1e-6 * most + 1e-40)
              const largest = places.find((i) => Math.abs(w[i]!) === most)!
              expect(Math.abs(got[largest]! - w[largest]!)).to.be.at.most(1e-6 * most + 1e-40)
            }
        },
      ),
    )
  })

  it('are multiplied as the numbers they stand for, forwards and backwards', async () => {
    const rounded = new Map(
      model.tensorNames.map((name) => {
        const w = model.tensor(name)
        const [rows, columns] = model.shape(name)
        return [name, name.includes('_proj') ? numbersOf(w, rows!, columns!) : w]
      }),
    )
    const expected = await lossAndGradient(modelFromTensors(config, rounded), 'fp32')
    const got = await lossAndGradient(model, 'int4')
    expect(got.loss).to.be.closeTo(expected.loss, 1e-5 * expected.loss)
    expect(cosine(got.gradient, expected.gradient)).to.be.greaterThan(1 - 1e-6)
  })

  it('give the loss and the gradient of float32, up to rounding', async () => {
    // weights of the size that training leaves them: large random ones make of every rounding another function
    const calm = new Map(
      model.tensorNames.map((name) => {
        const w = model.tensor(name)
        return [name, name.includes('_proj') ? w.map((x) => 0.3 * x) : w]
      }),
    )
    const base = modelFromTensors(config, calm)
    const [exact, got] = [await lossAndGradient(base, 'fp32'), await lossAndGradient(base, 'int4')]
    expect(got.loss).to.not.equal(exact.loss)
    expect(got.loss).to.be.closeTo(exact.loss, 0.03 * exact.loss)
    expect(cosine(got.gradient, exact.gradient)).to.be.greaterThan(0.95)
  })

  it('have the gradient of their own loss', async () => {
    const trainer = await open(model, 'int4')
    const spans = layout.entries.map((e) => ({ offset: e.offset, size: e.shape[0] * e.shape[1] }))
    await checkGradient(trainer, config, randomVector(layout.size, 0.1), placesIn(spans, 1))
    await trainer.close()
  })

  it('learn a small batch by heart', async () => {
    const trainer = await open(model, 'int4', adam)
    trainer.setParameters(randomVector(layout.size, 0.1))
    const batch = randomBatch(config)
    const first = await trainer.step([batch], 0.03)
    let last = first
    for (let i = 0; i < 60; i++) last = await trainer.step([batch], 0.03)
    await trainer.close()
    expect(last.loss).to.be.below(first.loss / 4)
  })
})
