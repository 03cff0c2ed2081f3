import { expect } from 'chai'
import type { LoraLayout } from '../../src/types/adapter.ts'
import type { PackedBatch } from '../../src/types/data.ts'
import type { BaseModel } from '../../src/types/model.ts'
import { createToyInference, createToyTraining, TOY_CLASSES } from './toy-engine.ts'

const layout: LoraLayout = {
  method: 'lora',
  lora: { rank: 8, alpha: 8, rsLora: false, dropout: 0, targets: ['q_proj'], seed: 1 },
  entries: [
    { name: 'm.lora_A.weight', module: 'm', factor: 'A', shape: [8, 8], offset: 0 },
    { name: 'm.lora_B.weight', module: 'm', factor: 'B', shape: [8, 8], offset: 64 },
  ],
  size: 128,
}
const model = { config: {}, digest: '', name: 'toy', dir: null, tensorNames: [] } as unknown as BaseModel
const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: 0 }

/** each id is followed by id + `step`; one example a row */
function batch(step: number): PackedBatch {
  const ids = Int32Array.from({ length: 16 }, (_, i) => i)
  const range = (value: (i: number) => number): Int32Array => Int32Array.from(ids, (_, i) => value(i))
  return {
    rows: 16,
    length: 1,
    ids,
    labels: range((i) => i + step),
    positions: range(() => 0),
    segments: range((i) => i + 1),
    examples: 16,
    labelCount: 16,
  }
}

const train = async (values: Float32Array, b: PackedBatch, steps: number) => {
  const trainer = await createToyTraining().openTrainer({
    model,
    trainable: { kind: 'lora', layout, factors: ['B'] },
    optimizer,
    threads: 1,
    seed: 1,
  })
  trainer.setParameters(values)
  const losses: number[] = []
  for (let i = 0; i < steps; i++) losses.push((await trainer.step([b], 0.1)).loss)
  return { losses, values: trainer.parameters() }
}

const evaluate = async (values: Float32Array | null, b: PackedBatch) => {
  const inference = await createToyInference().openInference({ model, layout, threads: 1 })
  inference.setAdapter(values)
  return await inference.evaluate([b])
}

describe('toy engine', () => {
  it('learns, keeps what is frozen, and gives the same values again', async () => {
    const zero = new Float32Array(128)
    const { losses, values } = await train(zero, batch(1), 40)
    expect(losses[0]).to.be.closeTo(Math.log(TOY_CLASSES), 1e-6)
    expect(losses.at(-1)).to.be.lessThan(0.5)
    expect(values.slice(0, 64)).to.deep.equal(zero.slice(0, 64))
    expect((await train(zero, batch(1), 40)).values).to.deep.equal(values)
    expect((await evaluate(values, batch(1))).exactMatch).to.equal(1)
    expect((await evaluate(null, batch(1))).loss).to.be.closeTo(Math.log(TOY_CLASSES), 1e-6)
  })

  it('a delta helps where it was trained and a flipped one harms', async () => {
    const { values } = await train(new Float32Array(128), batch(1), 20)
    const before = (await evaluate(new Float32Array(128), batch(1))).loss
    expect((await evaluate(values, batch(1))).loss).to.be.lessThan(before - 0.5)
    expect(
      (
        await evaluate(
          values.map((x) => -x),
          batch(1),
        )
      ).loss,
    ).to.be.greaterThan(before + 0.1)
    expect((await evaluate(values, batch(2))).loss).to.be.greaterThan(before)
  })
})
