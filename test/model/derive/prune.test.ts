import { join } from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import { dropLayers } from '../../../src/model/derive/prune-layers.ts'
import { countWeights, keepZeros, pruneRows, pruneWeights } from '../../../src/model/derive/prune-weights.ts'
import { architectureFor } from '../../../src/model/families/architectures.ts'
import { loadModel } from '../../../src/model/folder/load.ts'
import { writeModel } from '../../../src/model/folder/write.ts'
import { modelFromTensors } from '../../../src/model/memory.ts'
import { createRandomModel } from '../../../src/model/random.ts'
import type { BaseModel } from '../../../src/types/model.ts'
import { livelyModel } from '../../support/engine-fixtures.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { FAMILIES, familyConfig } from '../../support/families.ts'
import { wholeLogits } from '../../support/graph-logits.ts'
import { useTempFolders } from '../../support/temp-folder.ts'

const zeros = (values: Float32Array): number => values.reduce((n, x) => n + Number(x === 0), 0)

describe('pruning weights by magnitude', () => {
  const matrix = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 24 })).chain(([outputs, inputs]) =>
    fc.record({
      inputs: fc.constant(inputs),
      // few values, so that many are equal, and some are 0
      weights: fc.array(fc.integer({ min: -3, max: 3 }), {
        minLength: outputs * inputs,
        maxLength: outputs * inputs,
      }),
      sparsity: fc.double({ min: 0, max: 0.99, noNaN: true }),
    }),
  )

  it('leaves exactly the share of zeros in each row, never cuts a larger weight before a smaller, changes nothing else', () => {
    fc.assert(
      fc.property(matrix, ({ inputs, weights, sparsity }) => {
        const before = Float32Array.from(weights)
        const after = pruneRows(before, inputs, sparsity)
        const count = Math.floor(sparsity * inputs)
        for (let from = 0; from < before.length; from += inputs) {
          const [row, was] = [after.subarray(from, from + inputs), before.subarray(from, from + inputs)]
          expect(zeros(row)).to.equal(Math.max(count, zeros(was)))
          const cut = was.filter((x, i) => x !== 0 && row[i] === 0).map(Math.abs)
          const kept = row.filter((x) => x !== 0).map(Math.abs)
          expect(Math.max(0, ...cut)).to.be.at.most(Math.min(Number.POSITIVE_INFINITY, ...kept))
          for (const [i, x] of row.entries()) if (x !== 0) expect(x).to.equal(was[i])
        }
        expect([...pruneRows(after, inputs, sparsity)], 'twice is once').to.deep.equal([...after])
      }),
    )
  })

  it('touches the matrices in blocks of every family, and nothing else', () => {
    for (const [name, json] of Object.entries(FAMILIES)) {
      const base = livelyModel(familyConfig(json))
      const pruned = pruneWeights(base, 0.5)
      let touched = 0
      for (const tensor of base.tensorNames) {
        const [was, is] = [base.tensor(tensor), pruned.tensor(tensor)]
        const inputs = base.shape(tensor)[1]
        if (/\.\d+\./.test(tensor) && inputs !== undefined) {
          touched++
          expect(zeros(is), `${name} ${tensor}`).to.equal((was.length / inputs) * Math.floor(inputs / 2))
        } else expect(is, `${name} ${tensor}`).to.deep.equal(was)
      }
      expect(touched, name).to.be.at.least(4 * base.config.layers)
      expect(pruned.digest).to.not.equal(base.digest)
    }
  })

  it('puts zeros back where they were, and counts what is left', () => {
    const base = livelyModel(familyConfig(FAMILIES.SmolLM2 as (typeof FAMILIES)[string]))
    const pruned = pruneWeights(base, 0.5)
    const back = keepZeros(base, pruned)
    for (const name of base.tensorNames) expect(back.tensor(name)).to.deep.equal(pruned.tensor(name))
    const [all, left] = [countWeights(base), countWeights(pruned)]
    expect(left.parameters).to.equal(all.parameters)
    const added = base.tensorNames.reduce((n, t) => n + zeros(pruned.tensor(t)) - zeros(base.tensor(t)), 0)
    expect(all.nonZero - left.nonZero).to.equal(added)
  })

  it('refuses a share that is none', async () => {
    const base = createRandomModel(familyConfig(FAMILIES.SmolLM2 as (typeof FAMILIES)[string]), 1)
    for (const bad of [-0.1, 1, Number.NaN])
      await expectRejects(() => pruneWeights(base, bad), 'E_ARGUMENT', /0 to below 1/)
  })
})

describe('dropping layers', () => {
  const tempFolder = useTempFolders()
  const deep = (json: (typeof FAMILIES)[string]) => {
    const field = 'n_layers' in json ? 'n_layers' : 'num_hidden_layers'
    const kinds =
      'layer_types' in json
        ? { layer_types: ['sliding_attention', 'full_attention', 'sliding_attention', 'full_attention'] }
        : {}
    return familyConfig({ ...json, ...kinds, [field]: 4 })
  }
  /** Built by hand: other names, other order of thought. */
  const byHand = (base: BaseModel, kept: readonly number[], config: BaseModel['config']): BaseModel => {
    const tensors = new Map<string, Float32Array>()
    for (const name of base.tensorNames) {
      const parts = name.split('.')
      const at = parts.findIndex((p) => /^\d+$/.test(p))
      if (at < 0) tensors.set(name, base.tensor(name))
      const to = kept.indexOf(Number(parts[at]))
      if (at >= 0 && to >= 0) tensors.set(parts.with(at, String(to)).join('.'), base.tensor(name))
    }
    return modelFromTensors(config, tensors)
  }

  for (const [name, json] of Object.entries(FAMILIES)) {
    it(`${name}: the others move together, and the folder opens as the same model`, async () => {
      const base = livelyModel(deep(json))
      const cases: readonly (readonly number[])[] = [[0], [3], [1, 2], [0, 2], [1, 3], [0, 1, 3], []]
      for (const dropped of cases) {
        const model = dropLayers(base, dropped)
        const kept = [0, 1, 2, 3].filter((i) => !dropped.includes(i))
        const { config } = model
        expect(config.layers).to.equal(kept.length)
        const windows = kept.map((i) => base.config.window?.layers[i] ?? false)
        expect(config.window?.layers ?? kept.map(() => false)).to.deep.equal(windows)
        const architecture = architectureFor(config.architecture)
        expect(architecture.readConfig(architecture.writeConfig(config, 'F32')), `${dropped}`).to.deep.equal(config)
        const hand = byHand(base, kept, config)
        expect(model.tensorNames).to.deep.equal(hand.tensorNames)
        for (const t of hand.tensorNames) expect(model.tensor(t), t).to.deep.equal(hand.tensor(t))
      }
      const model = dropLayers(base, [1])
      const dir = join(await tempFolder(), 'm')
      await writeModel(dir, model.config, (t) => model.tensor(t), 'F32')
      const loaded = await loadModel(dir)
      for (const t of model.tensorNames) expect(loaded.tensor(t), t).to.deep.equal(model.tensor(t))
    })
  }

  it('computes what a model built by hand computes', async () => {
    for (const name of ['SmolLM2', 'Gemma 3 with caps', 'OPT']) {
      const base = livelyModel(deep(FAMILIES[name] as (typeof FAMILIES)[string]))
      const model = dropLayers(base, [0, 2])
      const hand = byHand(base, [1, 3], model.config)
      const ids = [3, 7, 1, 9, 4, 4, 12]
      expect(await wholeLogits(model, ids), name).to.deep.equal(await wholeLogits(hand, ids))
      expect(await wholeLogits(model, ids), name).to.not.deep.equal(await wholeLogits(base, ids))
    }
  })

  it('refuses what is no layer, one twice, and all of them', async () => {
    const base = livelyModel(familyConfig(FAMILIES.SmolLM2 as (typeof FAMILIES)[string]))
    await expectRejects(() => dropLayers(base, [2]), 'E_ARGUMENT', /from 0 to 1, got 2/)
    await expectRejects(() => dropLayers(base, [0.5]), 'E_ARGUMENT')
    await expectRejects(() => dropLayers(base, [1, 1]), 'E_ARGUMENT', /each once/)
    await expectRejects(() => dropLayers(base, [0, 1]), 'E_ARGUMENT', /one stays/)
  })
})
