import { expect } from 'chai'
import { adapterDigest } from '../../src/adapter/delta.ts'
import { createLayout, entryValues, initialAdapter } from '../../src/adapter/layout.ts'
import { sha256 } from '../../src/base/bytes.ts'
import { loraScale } from '../../src/base/lora-scale.ts'
import { architectureFor } from '../../src/model/families/architectures.ts'
import { expectRejects } from '../support/expect-error.ts'
import { tinyConfig, tinyLora } from '../support/tiny-config.ts'

describe('adapter layout', () => {
  it('lists layers ascending, targets in order, A before B, without gaps', () => {
    const layout = createLayout(tinyConfig, { ...tinyLora, targets: ['down_proj', 'q_proj'] })
    expect(layout.entries.map((e) => e.name)).to.deep.equal([
      'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight',
      'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight',
      'base_model.model.model.layers.0.mlp.down_proj.lora_A.weight',
      'base_model.model.model.layers.0.mlp.down_proj.lora_B.weight',
      'base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight',
      'base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight',
      'base_model.model.model.layers.1.mlp.down_proj.lora_A.weight',
      'base_model.model.model.layers.1.mlp.down_proj.lora_B.weight',
    ])
    let at = 0
    for (const entry of layout.entries) {
      expect(entry.offset).to.equal(at)
      at += entry.shape[0] * entry.shape[1]
    }
    expect(layout.size).to.equal(at)
  })

  it("agrees with the model's own shapes for every target", () => {
    const shapes = architectureFor('LlamaForCausalLM').tensorShapes(tinyConfig)
    for (const entry of createLayout(tinyConfig, tinyLora).entries) {
      const shape = shapes.get(`${entry.module}.weight`)
      const expected = entry.factor === 'A' ? [tinyLora.rank, shape?.[1]] : [shape?.[0], tinyLora.rank]
      expect(entry.shape, entry.name).to.deep.equal(expected)
    }
  })

  const bad: [field: string, change: object][] = [
    ['rank', { rank: 0 }],
    ['rank', { rank: 2.5 }],
    ['rank', { rank: 1e6 }],
    ['alpha', { alpha: 0 }],
    ['alpha', { alpha: Number.NaN }],
    ['dropout', { dropout: 1 }],
    ['seed', { seed: 0.5 }],
    ['targets', { targets: [] }],
    ['targets', { targets: ['q_proj', 'q_proj'] }],
    ['targets', { targets: ['lm_head'] }],
  ]
  for (const [field, change] of bad) {
    it(`refuses ${JSON.stringify(change)}`, () =>
      expectRejects(
        () => createLayout(tinyConfig, { ...tinyLora, ...change }),
        'E_ADAPTER',
        new RegExp(`adapter\\.${field}`),
      ))
  }

  it('refuses an adapter that would not fit in memory', () =>
    expectRejects(
      () => createLayout({ ...tinyConfig, hiddenSize: 65_536, layers: 512 }, { ...tinyLora, rank: 1024 }),
      'E_ADAPTER',
      /at most/,
    ))

  it('scales by alpha/rank, or alpha/√rank for rsLoRA', () => {
    expect(loraScale({ ...tinyLora, rank: 16, alpha: 32 })).to.equal(2)
    expect(loraScale({ ...tinyLora, rank: 16, alpha: 32, rsLora: true })).to.equal(8)
  })
})

describe('initialAdapter', () => {
  const layout = createLayout(tinyConfig, tinyLora)

  it('is the same bits on every machine', () => {
    expect(adapterDigest(initialAdapter(layout))).to.equal(
      '35da4e8c4cba468f5ba80ed4031544a622652ca6407ac11b6b92423f72299a4d',
    )
  })

  it('has A uniform in ±1/√in and B zero', () => {
    const wide = createLayout(
      { ...tinyConfig, hiddenSize: 400, layers: 1 },
      { ...tinyLora, rank: 50, targets: ['q_proj'] },
    )
    const { values } = initialAdapter(wide)
    const [a, b] = wide.entries.map((e) => entryValues(values, e))
    expect(b?.every((x) => x === 0)).to.equal(true)
    const bound = 1 / Math.sqrt(400)
    expect(a?.every((x) => Math.abs(x) <= bound)).to.equal(true)
    const mean = (a?.reduce((s, x) => s + x, 0) ?? 0) / 20_000
    const square = (a?.reduce((s, x) => s + x * x, 0) ?? 0) / 20_000
    expect(mean / bound).to.be.closeTo(0, 0.02)
    expect(square / bound ** 2).to.be.closeTo(1 / 3, 0.01)
  })

  it('moves with the seed and not with the other targets', () => {
    const one = createLayout(tinyConfig, { ...tinyLora, targets: ['v_proj'] })
    const alone = entryValues(initialAdapter(one).values, one.entries[0]!)
    const entry = layout.entries.find((e) => e.name === one.entries[0]?.name)
    expect(entryValues(initialAdapter(layout).values, entry!)).to.deep.equal(alone)
    const other = createLayout(tinyConfig, { ...tinyLora, seed: 8 })
    expect(sha256(new Uint8Array(initialAdapter(other).values.buffer))).to.not.equal(
      sha256(new Uint8Array(initialAdapter(layout).values.buffer)),
    )
  })
})
