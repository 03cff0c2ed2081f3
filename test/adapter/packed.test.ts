import { expect } from 'chai'
import fc from 'fast-check'
import { packAdapter, unpackAdapter } from '../../src/adapter/packed.ts'
import { encodeSafetensors, parseSafetensors } from '../../src/base/safetensors.ts'
import { createRandomModel } from '../../src/model/random.ts'
import { expectThrows } from '../support/expect-error.ts'
import { methodSettings, movedAdapter } from '../support/method-settings.ts'
import { tinyConfig } from '../support/tiny-config.ts'

const model = createRandomModel(tinyConfig, 1)

describe('packed adapters', () => {
  for (const [name, settings] of Object.entries(methodSettings(tinyConfig)))
    it(`${name}: there and back, in one spelling`, () => {
      const adapter = movedAdapter(model, settings)
      const bytes = packAdapter(adapter)
      const back = unpackAdapter(bytes, model)
      expect(back.layout).to.deep.equal(adapter.layout)
      expect(back.values).to.deep.equal(adapter.values)
      expect(packAdapter(back)).to.deep.equal(bytes)
    })

  const settings = methodSettings(tinyConfig).LoRA as Parameters<typeof movedAdapter>[1]
  const good = packAdapter(movedAdapter(model, settings))

  it('whatever a stranger sends is an adapter for this base, or E_ADAPTER', () => {
    fc.assert(
      fc.property(fc.nat(good.byteLength - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bytes = good.slice()
        bytes[at] = (bytes[at] as number) ^ flip
        try {
          const { values } = unpackAdapter(bytes, model)
          expect(values.every(Number.isFinite)).to.equal(true)
        } catch (error) {
          expect((error as { code?: string }).code, String(error)).to.equal('E_ADAPTER')
        }
      }),
      { seed: 61, numRuns: 300 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expectThrows(() => unpackAdapter(bytes, model), 'E_ADAPTER')
      }),
      { seed: 62, numRuns: 200 },
    )
  })

  it('refuses another spelling, another base, other metadata, and numbers that are none', () => {
    const { header, bytes } = parseSafetensors(good)
    const tensors = [...header.tensors.values()].map((t) => ({ ...t, bytes: bytes(t.name) as Uint8Array }))
    expectThrows(() => unpackAdapter(encodeSafetensors(tensors.toReversed(), header.metadata), model), 'E_ADAPTER')
    const more = { ...header.metadata, note: 'hello' }
    expectThrows(() => unpackAdapter(encodeSafetensors(tensors, more), model), 'E_ADAPTER')
    expectThrows(() => unpackAdapter(encodeSafetensors(tensors, {}), model), 'E_ADAPTER')
    const other = createRandomModel({ ...tinyConfig, hiddenSize: tinyConfig.hiddenSize * 2 }, 1)
    expectThrows(() => unpackAdapter(good, other), 'E_ADAPTER')
    const broken = movedAdapter(model, settings)
    broken.values[3] = Number.NaN
    expectThrows(() => packAdapter(broken), 'E_ADAPTER')
  })
})
