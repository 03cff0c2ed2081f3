import { expect } from 'chai'
import { createLayout, initialAdapter } from '../../src/adapter/layout.ts'
import { foldForDecoding, mergeAdapter } from '../../src/adapter/merge.ts'
import { loraScale } from '../../src/base/lora-scale.ts'
import { seededRandom } from '../../src/base/random.ts'
import { createRandomModel } from '../../src/model/random.ts'
import type { Adapter } from '../../src/types/adapter.ts'
import { livelyModel } from '../support/engine-fixtures.ts'
import { expectRejects } from '../support/expect-error.ts'
import { methodSettings, movedAdapter } from '../support/method-settings.ts'
import { tinyConfig, tinyLora } from '../support/tiny-config.ts'

describe('mergeAdapter', () => {
  const base = createRandomModel(tinyConfig, 1)
  const layout = createLayout(tinyConfig, { ...tinyLora, targets: ['q_proj', 'down_proj'] })
  const random = seededRandom(2)
  const adapter: Adapter = { layout, values: Float32Array.from({ length: layout.size }, () => random.next() - 0.5) }

  it('adds s·B·A to the weights named, and to no other', () => {
    const merged = mergeAdapter(base, adapter)
    for (const name of base.tensorNames) {
      const before = base.tensor(name)
      const after = merged.tensor(name)
      const [a, b] = layout.entries.filter((e) => `${e.module}.weight` === name)
      if (!a || !b) {
        expect(after, name).to.deep.equal(before)
        continue
      }
      const [rank, inputs] = a.shape
      for (let o = 0; o < b.shape[0]; o++) {
        for (let i = 0; i < inputs; i++) {
          let sum = 0
          for (let k = 0; k < rank; k++)
            sum += adapter.values[b.offset + o * rank + k]! * adapter.values[a.offset + k * inputs + i]!
          const expected = before[o * inputs + i]! + loraScale(layout.lora) * sum
          expect(after[o * inputs + i], `${name} (${o}, ${i})`).to.be.closeTo(expected, 1e-6)
        }
      }
    }
  })

  it('with the initial adapter is the base, under a name of its own', () => {
    const merged = mergeAdapter(base, initialAdapter(layout))
    for (const name of base.tensorNames) expect(merged.tensor(name)).to.deep.equal(base.tensor(name))
    const digests = [base.digest, merged.digest, mergeAdapter(base, adapter).digest]
    expect(new Set(digests).size).to.equal(3)
    expect(mergeAdapter(base, adapter).digest).to.equal(digests[2])
  })

  it('keeps what it was given when the caller goes on training', () => {
    const values = adapter.values.slice()
    const merged = mergeAdapter(base, { layout, values })
    const name = 'model.layers.0.self_attn.q_proj.weight'
    const before = merged.tensor(name)
    values.fill(0)
    expect(merged.tensor(name)).to.deep.equal(before)
  })

  it('refuses an adapter of another base', async () => {
    const wide = createRandomModel({ ...tinyConfig, ffnSize: 24 }, 1)
    await expectRejects(() => mergeAdapter(wide, adapter), 'E_ADAPTER', /down_proj\.weight.*\[12, 20\].*\[12, 24\]/)
    const shallow = createRandomModel({ ...tinyConfig, layers: 1 }, 1)
    await expectRejects(() => mergeAdapter(shallow, adapter), 'E_ADAPTER', /layers\.1\..*no such tensor/)
  })
})

describe('foldForDecoding', () => {
  const base = livelyModel(tinyConfig)
  const folded = (name: string) => foldForDecoding(base, movedAdapter(base, methodSettings(tinyConfig)[name]!))

  it('keeps LoRA beside the base, since it is exchanged, and what cannot be merged', () => {
    for (const name of ['LoRA', 'prefix', 'prompt', 'bottleneck, Houlsby']) {
      const { model, beside } = folded(name)
      expect(model).to.equal(base)
      expect(beside).to.not.equal(null)
    }
    expect(foldForDecoding(base, null)).to.deep.equal({ model: base, beside: null })
  })

  it('merges every other method', () => {
    for (const name of ['DoRA', '(IA)³', 'selected layers', 'full']) {
      const { model, beside } = folded(name)
      expect(beside).to.equal(null)
      expect(model.digest).to.not.equal(base.digest)
    }
  })
})
