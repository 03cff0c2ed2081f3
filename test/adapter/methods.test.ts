/** Layouts, beginnings and folders of every method. Names and shapes are those of huggingface/peft's checkpoints. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { adapterDigest } from '../../src/adapter/delta.ts'
import { readAdapter, writeAdapter } from '../../src/adapter/folder.ts'
import { createLayout, entryValues, initialAdapter } from '../../src/adapter/layout.ts'
import { METHOD_NAMES, methodLayout, methodOf, untrainedAdapter } from '../../src/adapter/methods.ts'
import { readPeft, writePeft } from '../../src/adapter/peft.ts'
import { parseSafetensors } from '../../src/base/safetensors.ts'
import type { MethodName, MethodSettings } from '../../src/types/adapter.ts'
import { livelyModel } from '../support/engine-fixtures.ts'
import { expectRejects } from '../support/expect-error.ts'
import { methodSettings, movedAdapter } from '../support/method-settings.ts'
import { useTempFolders } from '../support/temp-folder.ts'
import { tinyConfig, tinyLora } from '../support/tiny-config.ts'

const base = livelyModel(tinyConfig)
const METHODS = methodSettings(tinyConfig)
const shapesOf = (settings: MethodSettings): Record<string, readonly number[]> =>
  Object.fromEntries(methodLayout(base, settings).entries.map((e) => [e.name, e.shape]))

describe('methods: layouts', () => {
  it('every method is covered here', () => {
    const covered = new Set(Object.values(METHODS).map((s) => s.method))
    expect([...covered].sort()).to.deep.equal([...METHOD_NAMES].sort())
  })

  for (const [name, settings] of Object.entries(METHODS)) {
    it(`${name}: entries without gaps, each name once, the same every time`, () => {
      const layout = methodLayout(base, settings)
      let at = 0
      for (const e of layout.entries) {
        expect(e.offset).to.equal(at)
        at += e.shape.reduce((n, d) => n * d, 1)
      }
      expect(at).to.equal(layout.size)
      expect(new Set(layout.entries.map((e) => e.name)).size).to.equal(layout.entries.length)
      const [a, b] = [untrainedAdapter(base, layout), untrainedAdapter(base, methodLayout(base, settings))]
      expect(adapterDigest(a)).to.equal(adapterDigest(b))
    })
  }

  it('LoRA is laid out and drawn as the network does', () => {
    const layout = createLayout(tinyConfig, tinyLora)
    expect(methodLayout(base, { method: 'lora', lora: tinyLora })).to.deep.equal(layout)
    expect(untrainedAdapter(base, layout).values).to.deep.equal(initialAdapter(layout).values)
  })

  const module = 'base_model.model.model.layers.1'
  const D = tinyConfig.hiddenSize
  const examples: [method: string, tensor: string, shape: number[]][] = [
    ['DoRA', `${module}.self_attn.k_proj.lora_magnitude_vector`, [8]],
    ['DoRA', `${module}.self_attn.k_proj.lora_A.weight`, [3, D]],
    ['(IA)³', `${module}.self_attn.k_proj.ia3_l`, [8, 1]],
    ['(IA)³', `${module}.mlp.down_proj.ia3_l`, [1, 20]],
    ['prefix', 'prompt_embeddings', [6, 2 * 2 * 2 * 4]],
    ['prompt', 'prompt_embeddings', [6, D]],
    ['bottleneck, Houlsby', 'model.layers.1.self_attn.o_proj.adapter.down.weight', [5, D]],
    ['bottleneck, Pfeiffer', 'model.layers.1.mlp.down_proj.adapter.up.bias', [D]],
    ['selected layers', 'model.layers.1.post_attention_layernorm.weight', [D]],
    ['selected modules', 'model.embed_tokens.weight', [40, D]],
    ['full', 'model.norm.weight', [D]],
  ]
  for (const [method, tensor, shape] of examples) {
    it(`${method}: ${tensor} is (${shape.join(', ')})`, () => {
      expect(shapesOf(METHODS[method]!)[tensor]).to.deep.equal(shape)
    })
  }

  it('selects what was named, and nothing else', () => {
    expect(Object.keys(shapesOf(METHODS['selected layers']!))).to.deep.equal([
      'model.layers.1.self_attn.q_proj.weight',
      'model.layers.1.post_attention_layernorm.weight',
      'model.layers.1.mlp.down_proj.weight',
    ])
    expect(Object.keys(shapesOf(METHODS['selected modules']!))).to.deep.equal([
      'model.embed_tokens.weight',
      'model.norm.weight',
    ])
  })

  it('DoRA begins with the lengths of the rows, a prompt with rows of the vocabulary', () => {
    const dora = untrainedAdapter(base, methodLayout(base, METHODS.DoRA!))
    const magnitude = dora.layout.entries.find((e) => e.name.endsWith('layers.0.mlp.up_proj.lora_magnitude_vector'))!
    const row = base.tensor('model.layers.0.mlp.up_proj.weight').subarray(0, D)
    const first = entryValues(dora.values, magnitude)[0]!
    expect(first).to.be.closeTo(Math.sqrt(row.reduce((n, x) => n + x * x, 0)), 1e-6)
    const prompt = untrainedAdapter(base, methodLayout(base, METHODS.prompt!))
    const table = base.tensor('model.embed_tokens.weight')
    const rows = Array.from({ length: 40 }, (_, i) => table.subarray(i * D, (i + 1) * D).join())
    for (let t = 0; t < 6; t++) expect(rows).to.include(prompt.values.subarray(t * D, (t + 1) * D).join())
  })

  const refused: [name: string, settings: MethodSettings, message: RegExp][] = [
    ['a rank of 0', { method: 'dora', lora: { ...tinyLora, rank: 0 } }, /adapter\.rank/],
    ['an unknown layer', { method: 'ia3', ia3: { targets: ['k'], feedforward: [] } }, /adapter\.targets.*q_proj/],
    [
      'a feed-forward that is no target',
      { method: 'ia3', ia3: { targets: ['k_proj'], feedforward: ['up_proj'] } },
      /feedforward/,
    ],
    [
      'no width',
      { method: 'bottleneck', bottleneck: { placement: 'houlsby', width: 0, activation: 'relu', seed: 1 } },
      /adapter\.width/,
    ],
    ['more virtual tokens than places', { method: 'prompt', virtual: { tokens: 63, seed: 1 } }, /from 1 to 62.*63/],
    ['an unknown module', { method: 'selective', selective: { modules: ['nope'], layers: [] } }, /adapter\.modules/],
    ['a layer too far', { method: 'selective', selective: { modules: [], layers: [2] } }, /0 to 1, got 2/],
    [
      'a module that the layers have not',
      { method: 'selective', selective: { modules: ['embed_tokens'], layers: [1] } },
      /adapter\.modules/,
    ],
    ['a method that is none', { method: 'magic' as MethodName } as MethodSettings, /expected one of lora, dora/],
  ]
  for (const [name, settings, message] of refused) {
    it(`refuses ${name}`, () => expectRejects(() => methodLayout(base, settings), 'E_ADAPTER', message))
  }
})

describe('methods: folders', () => {
  const folder = useTempFolders()

  for (const [name, settings] of Object.entries(METHODS)) {
    it(`${name}: there and back`, async () => {
      const dir = await folder()
      const adapter = movedAdapter(base, settings)
      await writeAdapter(dir, adapter, base)
      const { peft } = methodOf(settings.method)
      const config = peft ? 'adapter_config.json' : 'covey_adapter.json'
      expect((await readdir(dir)).sort()).to.deep.equal([config, 'adapter_model.safetensors'].sort())
      const back = await readAdapter(dir, base)
      expect(back.values).to.deep.equal(adapter.values)
      expect(back.layout.entries).to.deep.equal(adapter.layout.entries)
      expect(back.layout.method).to.equal(settings.method)
      if (peft) expect((await readPeft(dir, base)).values).to.deep.equal(adapter.values)
      else await expectRejects(() => writePeft(dir, adapter, base), 'E_ADAPTER', /PEFT has no form.*merged/)
    })
  }

  const fields: [method: string, expected: Record<string, unknown>][] = [
    ['rsLoRA', { peft_type: 'LORA', use_rslora: true, use_dora: false, r: 3 }],
    ['DoRA', { peft_type: 'LORA', use_rslora: false, use_dora: true, r: 3 }],
    [
      'prefix',
      { peft_type: 'PREFIX_TUNING', num_virtual_tokens: 6, num_layers: 2, token_dim: 8, num_attention_heads: 2 },
    ],
    ['prompt', { peft_type: 'PROMPT_TUNING', num_virtual_tokens: 6, token_dim: 12, num_transformer_submodules: 1 }],
  ]
  for (const [method, expected] of fields) {
    it(`${method}: PEFT's config`, async () => {
      const dir = await folder()
      await writePeft(dir, movedAdapter(base, METHODS[method]!), base)
      const json = JSON.parse(await readFile(join(dir, 'adapter_config.json'), 'utf8'))
      expect(json).to.include({ ...expected, task_type: 'CAUSAL_LM' })
    })
  }

  it('(IA)³: PEFT’s config names feed-forward layers among the targets', async () => {
    const dir = await folder()
    await writePeft(dir, movedAdapter(base, METHODS['(IA)³']!), base)
    const json = JSON.parse(await readFile(join(dir, 'adapter_config.json'), 'utf8'))
    expect(json.peft_type).to.equal('IA3')
    expect(json.target_modules).to.deep.equal(['k_proj', 'v_proj', 'down_proj'])
    expect(json.feedforward_modules).to.deep.equal(['down_proj'])
    const { header } = parseSafetensors(await readFile(join(dir, 'adapter_model.safetensors')))
    expect([...header.tensors.keys()][0]).to.equal('base_model.model.model.layers.0.self_attn.k_proj.ia3_l')
  })

  it('refuses what changes the computation, and files that are not Covey’s', async () => {
    const dir = await folder()
    await writePeft(dir, movedAdapter(base, METHODS.prefix!), base)
    const path = join(dir, 'adapter_config.json')
    const json = JSON.parse(await readFile(path, 'utf8'))
    await writeFile(path, JSON.stringify({ ...json, prefix_projection: true }))
    await expectRejects(() => readPeft(dir, base), 'E_ADAPTER', /prefix_projection/)
    await writeFile(path, JSON.stringify({ ...json, num_virtual_tokens: 5 }))
    await expectRejects(() => readPeft(dir, base), 'E_ADAPTER', /expected \[5, 32\], got \[6, 32\]/)

    const own = await folder()
    await writeAdapter(own, movedAdapter(base, METHODS.full!), base)
    await writeFile(join(own, 'covey_adapter.json'), '{"format":1,"base":"x","settings":{"method":"lora"}}')
    await expectRejects(() => readAdapter(own, base), 'E_ADAPTER', /covey_adapter\.json: settings/)
    await writeFile(join(own, 'covey_adapter.json'), '[')
    await expectRejects(() => readAdapter(own, base), 'E_ADAPTER', /JSON/)
  })
})
