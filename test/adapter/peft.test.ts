import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { createLayout, initialAdapter, linearNames } from '../../src/adapter/layout.ts'
import { readPeft, writePeft } from '../../src/adapter/peft.ts'
import { seededRandom } from '../../src/base/random.ts'
import { encodeSafetensors, parseSafetensors, toBf16 } from '../../src/base/safetensors.ts'
import { createRandomModel } from '../../src/model/random.ts'
import { expectRejects } from '../support/expect-error.ts'
import { FAMILIES, familyConfig } from '../support/families.ts'
import { useTempFolders } from '../support/temp-folder.ts'
import { tinyConfig, tinyLora } from '../support/tiny-config.ts'

describe('PEFT folders', () => {
  const folder = useTempFolders()
  const base = createRandomModel(tinyConfig, 1)
  const layout = createLayout(tinyConfig, { ...tinyLora, rsLora: true, dropout: 0.1 })
  const random = seededRandom(3)
  const adapter = { layout, values: Float32Array.from({ length: layout.size }, () => random.next() - 0.5) }

  it('round trip', async () => {
    const dir = await folder()
    await writePeft(dir, adapter, { name: 'someone/base', config: tinyConfig })
    expect((await readdir(dir)).sort()).to.deep.equal(['adapter_config.json', 'adapter_model.safetensors'])
    const json = JSON.parse(await readFile(join(dir, 'adapter_config.json'), 'utf8'))
    expect(json).to.include({
      peft_type: 'LORA',
      r: 3,
      lora_alpha: 6,
      use_rslora: true,
      base_model_name_or_path: 'someone/base',
    })
    const back = await readPeft(dir, base)
    expect(back.values).to.deep.equal(adapter.values)
    expect(back.layout).to.deep.equal(createLayout(tinyConfig, { ...layout.lora, seed: 0 }))
  })

  for (const [name, family] of Object.entries(FAMILIES)) {
    it(`${name}: every linear layer, there and back`, async () => {
      const dir = await folder()
      const model = createRandomModel(familyConfig(family), 1)
      const all = createLayout(model.config, { ...tinyLora, targets: linearNames(model.config), seed: 0 })
      const values = Float32Array.from({ length: all.size }, () => random.next() - 0.5)
      await writePeft(dir, { layout: all, values }, model)
      const json = JSON.parse(await readFile(join(dir, 'adapter_config.json'), 'utf8'))
      expect(json.target_modules).to.have.members(linearNames(model.config))
      expect(json.task_type).to.equal(name.startsWith('DistilBERT') ? null : 'CAUSAL_LM')
      const back = await readPeft(dir, model)
      expect(back.layout).to.deep.equal(all)
      expect(back.values).to.deep.equal(values)
    })
  }

  it("reads other writers' order, dtype, metadata and target order", async () => {
    const dir = await folder()
    await writePeft(dir, initialAdapter(layout), base)
    const path = join(dir, 'adapter_model.safetensors')
    const { header, bytes } = parseSafetensors(await readFile(path))
    const tensors = [...header.tensors.values()].reverse().map((t) => {
      const data = new Uint8Array(bytes(t.name)!)
      return { name: t.name, dtype: 'BF16' as const, shape: t.shape, bytes: toBf16(new Float32Array(data.buffer)) }
    })
    await writeFile(path, encodeSafetensors(tensors, { who: 'someone else' }))
    const config = join(dir, 'adapter_config.json')
    const json = JSON.parse(await readFile(config, 'utf8'))
    await writeFile(
      config,
      JSON.stringify({ ...json, target_modules: json.target_modules.reverse(), some_new_field: null }),
    )
    const back = await readPeft(dir, base)
    back.values.forEach((x, i) => {
      expect(x).to.be.closeTo(initialAdapter(layout).values[i]!, 2e-3)
    })
  })

  const refused: [name: string, change: Record<string, unknown>, message: RegExp][] = [
    ['a method that Covey has not', { peft_type: 'VERA' }, /peft_type/],
    ['DoRA without magnitudes', { use_dora: true }, /lora_magnitude_vector: expected \[16\], got no such tensor/],
    ['biases', { bias: 'all' }, /bias/],
    ['whole modules', { modules_to_save: ['lm_head'] }, /modules_to_save/],
    ['ranks by layer', { rank_pattern: { q_proj: 4 } }, /rank_pattern/],
    ['some layers only', { layers_to_transform: [1] }, /layers_to_transform/],
    ['a target that is no linear layer', { target_modules: ['embed_tokens'] }, /target_modules/],
    ['another rank than the tensors have', { r: 2 }, /expected \[2, 12\], got \[3, 12\]/],
    ['fewer targets than the tensors have', { target_modules: ['q_proj'] }, /no place/],
  ]
  for (const [name, change, message] of refused) {
    it(`refuses ${name}`, async () => {
      const dir = await folder()
      await writePeft(dir, adapter, base)
      const path = join(dir, 'adapter_config.json')
      await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...change }))
      await expectRejects(() => readPeft(dir, base), 'E_ADAPTER', message)
    })
  }

  it('refuses broken and missing files', async () => {
    const dir = await folder()
    await expectRejects(() => readPeft(dir, base), 'E_ADAPTER', /adapter_config\.json/)
    await writePeft(dir, adapter, base)
    await expectRejects(
      () => readPeft(dir, createRandomModel({ ...tinyConfig, layers: 3 }, 1)),
      'E_ADAPTER',
      /no such tensor/,
    )
    const path = join(dir, 'adapter_model.safetensors')
    await writeFile(path, (await readFile(path)).subarray(0, -1))
    await expectRejects(() => readPeft(dir, base), 'E_ADAPTER', /adapter_model\.safetensors/)
    await writeFile(path, new Uint8Array(2_000_000))
    await expectRejects(() => readPeft(dir, base), 'E_ADAPTER', /at most/)
    await writeFile(join(dir, 'adapter_config.json'), '{')
    await expectRejects(() => readPeft(dir, base), 'E_ADAPTER', /JSON/)
  })
})
