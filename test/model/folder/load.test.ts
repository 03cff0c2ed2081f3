import { readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { bytesOf } from '../../../src/base/bytes.ts'
import type { ErrorCode } from '../../../src/base/errors.ts'
import { encodeSafetensors, type TensorBytes, toBf16, toFloat32 } from '../../../src/base/safetensors.ts'
import { architectureFor } from '../../../src/model/families/architectures.ts'
import { loadModel } from '../../../src/model/folder/load.ts'
import { writeModel } from '../../../src/model/folder/write.ts'
import { modelFromFlat, modelFromTensors } from '../../../src/model/memory.ts'
import { createRandomModel } from '../../../src/model/random.ts'
import type { BaseModel, ModelConfig } from '../../../src/types/model.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { useTempFolders } from '../../support/temp-folder.ts'
import { tinyConfig } from '../../support/tiny-config.ts'

const write = (dir: string, model: BaseModel, dtype: 'F32' | 'BF16' = 'F32'): Promise<void> =>
  writeModel(dir, model.config, (name) => model.tensor(name), dtype)

const tensorsOf = (model: BaseModel): TensorBytes[] =>
  model.tensorNames.map((name) => ({
    name,
    dtype: 'F32',
    shape: model.shape(name),
    bytes: bytesOf(model.tensor(name)),
  }))

async function editConfig(dir: string, change: Record<string, unknown>): Promise<void> {
  const path = join(dir, 'config.json')
  const json = { ...JSON.parse(await readFile(path, 'utf8')), ...change }
  await writeFile(path, JSON.stringify(json))
}

describe('loadModel', () => {
  const folder = useTempFolders()
  const model = createRandomModel(tinyConfig, 1)

  it('reads back what writeModel wrote, to the bit', async () => {
    for (const tiedEmbeddings of [true, false]) {
      const dir = await folder()
      const config: ModelConfig = { ...tinyConfig, tiedEmbeddings, eosIds: [2, 3], padId: 0 }
      const written = createRandomModel(config, 5)
      await write(dir, written)
      const read = await loadModel(dir)
      expect(read.config).to.deep.equal(config)
      expect(read.tensorNames).to.deep.equal(written.tensorNames)
      expect(read.tensorNames.includes('lm_head.weight')).to.equal(!tiedEmbeddings)
      for (const name of read.tensorNames) {
        expect(read.shape(name)).to.deep.equal(written.shape(name))
        expect(read.tensor(name)).to.deep.equal(written.tensor(name))
      }
    }
  })

  it('rounds to bfloat16 on request', async () => {
    const dir = await folder()
    await write(dir, model, 'BF16')
    const name = 'model.layers.0.self_attn.q_proj.weight'
    const read = (await loadModel(dir)).tensor(name)
    expect(read).to.deep.equal(toFloat32('BF16', toBf16(model.tensor(name))))
    expect(read).to.not.deep.equal(model.tensor(name))
  })

  it('hands out copies', async () => {
    const dir = await folder()
    await write(dir, model)
    const read = await loadModel(dir)
    read.tensor('model.norm.weight').fill(9)
    expect(read.tensor('model.norm.weight')[0]).to.equal(1)
  })

  it('leaves no temporary file behind, also when a tensor is refused', async () => {
    const dir = await folder()
    await write(dir, model)
    expect((await readdir(dir)).sort()).to.deep.equal(['config.json', 'model.safetensors'])
    const before = (await loadModel(dir)).digest
    const bad = (name: string): Float32Array => model.tensor(name).fill(name === 'model.norm.weight' ? Number.NaN : 1)
    await expectRejects(() => writeModel(dir, tinyConfig, bad, 'F32'), 'E_MODEL_SHAPE', /model\.norm\.weight.*finite/)
    expect((await readdir(dir)).sort()).to.deep.equal(['config.json', 'model.safetensors'])
    expect((await loadModel(dir)).digest).to.equal(before)
  })

  it('reads shards through their index', async () => {
    const dir = await folder()
    await write(dir, model)
    const tensors = tensorsOf(model)
    const map: Record<string, string> = {}
    const shards = [tensors.slice(0, 5), tensors.slice(5)]
    for (const [i, part] of shards.entries()) {
      const file = `model-0000${i + 1}-of-00002.safetensors`
      for (const t of part) map[t.name] = file
      await writeFile(join(dir, file), encodeSafetensors(part))
    }
    await rename(join(dir, 'model.safetensors'), join(dir, 'whole.bin'))
    await writeFile(join(dir, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: map }))
    const read = await loadModel(dir)
    for (const name of read.tensorNames) expect(read.tensor(name)).to.deep.equal(model.tensor(name))
  })

  describe('digest', () => {
    it('is the same for the same files, wherever they are', async () => {
      const [a, b] = [await folder(), await folder()]
      await write(a, model)
      await write(b, model)
      expect((await loadModel(a)).digest).to.equal((await loadModel(b)).digest)
    })

    it('moves with weights, config and tokenizer', async () => {
      const dir = await folder()
      const seen = new Set<string>()
      await write(dir, model)
      seen.add((await loadModel(dir)).digest)
      await write(dir, createRandomModel(tinyConfig, 2))
      seen.add((await loadModel(dir)).digest)
      await editConfig(dir, { rope_theta: 20_000 })
      seen.add((await loadModel(dir)).digest)
      await writeFile(join(dir, 'tokenizer.json'), '{}')
      seen.add((await loadModel(dir)).digest)
      expect(seen.size).to.equal(4)
    })

    it('does not cover bytes that came later: a replaced file is noticed', async () => {
      const dir = await folder()
      await write(dir, model)
      const read = await loadModel(dir)
      await write(dir, model, 'BF16')
      await expectRejects(() => read.tensor('model.norm.weight'), 'E_MODEL_FILE', /changed/)
    })
  })

  const brokenConfigs: [name: string, change: Record<string, unknown>, code: ErrorCode, message: RegExp][] = [
    [
      'unknown architecture',
      { architectures: ['MambaForCausalLM'] },
      'E_MODEL_ARCHITECTURE',
      /MambaForCausalLM.*LlamaForCausalLM/,
    ],
    ['no architecture', { architectures: null }, 'E_MODEL_ARCHITECTURE', /LlamaForCausalLM/],
    ['another activation', { hidden_act: 'relu6' }, 'E_MODEL_ARCHITECTURE', /relu6/],
    [
      'a kind of rotary scaling that the graph has not',
      { rope_scaling: { type: 'dynamic', factor: 2 } },
      'E_MODEL_ARCHITECTURE',
      /rope_scaling is dynamic, not one of linear/,
    ],
    [
      'rotary scaling without its numbers',
      { rope_parameters: { rope_type: 'llama3' } },
      'E_MODEL_FILE',
      /factor: expected with rope_type llama3/,
    ],
    [
      'factors of another number of pairs',
      { rope_scaling: { rope_type: 'longrope', short_factor: [1], long_factor: [1, 2] } },
      'E_MODEL_FILE',
      /short_factor: expected 2 numbers, got 1/,
    ],
    ['biases that are not there', { attention_bias: true }, 'E_MODEL_SHAPE', /q_proj\.bias/],
    ['a width that is not a number', { hidden_size: '12' }, 'E_MODEL_FILE', /hidden_size/],
    ['a width that no machine has', { intermediate_size: 1e12 }, 'E_MODEL_FILE', /intermediate_size/],
    ['heads that do not divide', { num_key_value_heads: 3 }, 'E_MODEL_FILE', /divide/],
    ['an odd head', { head_dim: 5 }, 'E_MODEL_FILE', /even/],
    ['another width', { intermediate_size: 24 }, 'E_MODEL_SHAPE', /gate_proj\.weight.*\[24, 12\].*\[20, 12\]/],
    ['more layers', { num_hidden_layers: 3 }, 'E_MODEL_SHAPE', /model\.layers\.2\..*no such tensor/],
    ['fewer layers', { num_hidden_layers: 1 }, 'E_MODEL_SHAPE', /model\.layers\.1\..*no use/],
    ['an untied head that is not there', { tie_word_embeddings: false }, 'E_MODEL_SHAPE', /lm_head\.weight/],
  ]
  for (const [name, change, code, message] of brokenConfigs) {
    it(`refuses ${name}`, async () => {
      const dir = await folder()
      await write(dir, model)
      await editConfig(dir, change)
      await expectRejects(() => loadModel(dir), code, message)
    })
  }

  it('takes the defaults of LlamaConfig, and transformers 5 spelling', async () => {
    const dir = await folder()
    const config = { ...tinyConfig, headDim: 3, heads: 4, kvHeads: 4 }
    await write(dir, createRandomModel({ ...config, headDim: 4, hiddenSize: 16 }, 1))
    await editConfig(dir, {
      head_dim: null,
      num_key_value_heads: null,
      rope_theta: null,
      rope_parameters: { rope_theta: 5e5, rope_type: 'default' },
      eos_token_id: 4,
    })
    const { config: read } = await loadModel(dir)
    expect([read.headDim, read.kvHeads, read.ropeTheta, read.eosIds]).to.deep.equal([4, 4, 5e5, [4]])
  })

  it('ignores a copy of a tied head and old rotary tables, not other tensors', async () => {
    const dir = await folder()
    await write(dir, model)
    const path = join(dir, 'model.safetensors')
    const extra = (name: string): TensorBytes => ({ name, dtype: 'F32', shape: [2], bytes: new Uint8Array(8) })
    await writeFile(
      path,
      encodeSafetensors([
        ...tensorsOf(model),
        extra('lm_head.weight'),
        extra('model.layers.0.self_attn.rotary_emb.inv_freq'),
      ]),
    )
    expect((await loadModel(dir)).tensorNames).to.deep.equal(model.tensorNames)
    await writeFile(path, encodeSafetensors([...tensorsOf(model), extra('model.layers.0.self_attn.q_proj.bias')]))
    await expectRejects(() => loadModel(dir), 'E_MODEL_SHAPE', /q_proj\.bias/)
  })

  const brokenFiles: [name: string, breakIt: (dir: string) => Promise<void>, message: RegExp][] = [
    ['no config.json', (dir) => rename(join(dir, 'config.json'), join(dir, 'x')), /config\.json.*there is none/],
    ['config.json that is not JSON', (dir) => writeFile(join(dir, 'config.json'), '{'), /config\.json/],
    ['config.json that is a list', (dir) => writeFile(join(dir, 'config.json'), '[]'), /JSON object/],
    ['no weights', (dir) => rename(join(dir, 'model.safetensors'), join(dir, 'x')), /found neither/],
    ['empty weights', (dir) => writeFile(join(dir, 'model.safetensors'), ''), /model\.safetensors/],
    [
      'weights cut short',
      async (dir) =>
        writeFile(join(dir, 'model.safetensors'), (await readFile(join(dir, 'model.safetensors'))).subarray(0, -4)),
      /model\.safetensors/,
    ],
    [
      'a header longer than the file',
      (dir) => writeFile(join(dir, 'model.safetensors'), new Uint8Array(64).fill(255)),
      /header/,
    ],
    [
      'an index that points outside',
      async (dir) => {
        await rename(join(dir, 'model.safetensors'), join(dir, 'x'))
        await writeFile(
          join(dir, 'model.safetensors.index.json'),
          JSON.stringify({ weight_map: { a: '../x.safetensors' } }),
        )
      },
      /same folder/,
    ],
    [
      'an index that names a missing shard',
      async (dir) => {
        await rename(join(dir, 'model.safetensors'), join(dir, 'x'))
        await writeFile(
          join(dir, 'model.safetensors.index.json'),
          JSON.stringify({ weight_map: { a: 'b.safetensors' } }),
        )
      },
      /b\.safetensors.*there is none/,
    ],
    [
      'integer weights',
      async (dir) => {
        const tensors = tensorsOf(model).map(
          (t): TensorBytes => (t.name === 'model.norm.weight' ? { ...t, dtype: 'I32' } : t),
        )
        await writeFile(join(dir, 'model.safetensors'), encodeSafetensors(tensors))
      },
      /model\.norm\.weight.*I32/,
    ],
  ]
  for (const [name, breakIt, message] of brokenFiles) {
    it(`refuses ${name}`, async () => {
      const dir = await folder()
      await write(dir, model)
      await breakIt(dir)
      await expectRejects(() => loadModel(dir), 'E_MODEL_FILE', message)
    })
  }

  it('stops when told to', async () => {
    const dir = await folder()
    await write(dir, model)
    await expectRejects(() => loadModel(dir, AbortSignal.abort()), 'E_ABORTED')
  })
})

describe('models in memory', () => {
  it('are what their tensors are', async () => {
    const source = createRandomModel(tinyConfig, 3)
    const tensors = new Map(source.tensorNames.map((name) => [name, source.tensor(name)]))
    const model = modelFromTensors(tinyConfig, tensors, 'x')
    expect(model.tensor('model.embed_tokens.weight')).to.deep.equal(source.tensor('model.embed_tokens.weight'))
    const flat = Float32Array.from(source.tensorNames.flatMap((name) => [...source.tensor(name)]))
    expect(modelFromFlat(tinyConfig, flat).digest).to.equal(model.digest)
    await expectRejects(() => modelFromFlat(tinyConfig, flat.subarray(1)), 'E_MODEL_SHAPE')
    await expectRejects(() => modelFromFlat(tinyConfig, new Float32Array(flat.length + 1)), 'E_MODEL_SHAPE', /weights/)
    tensors.delete('model.norm.weight')
    await expectRejects(() => modelFromTensors(tinyConfig, tensors), 'E_MODEL_SHAPE', /model\.norm\.weight/)
    await expectRejects(() => model.tensor('nothing'), 'E_MODEL_SHAPE', /nothing/)
  })

  it('random ones repeat by seed and have the spread that training starts from', () => {
    const name = 'model.embed_tokens.weight'
    const values = createRandomModel({ ...tinyConfig, vocabSize: 1000 }, 3).tensor(name)
    expect(createRandomModel({ ...tinyConfig, vocabSize: 1000 }, 3).tensor(name)).to.deep.equal(values)
    expect(createRandomModel({ ...tinyConfig, vocabSize: 1000 }, 4).tensor(name)).to.not.deep.equal(values)
    const deviation = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length)
    expect(deviation).to.be.closeTo(0.02, 0.0005)
  })

  it('an architecture that nobody registered is named with those that are', async () => {
    await expectRejects(() => architectureFor('toString'), 'E_MODEL_ARCHITECTURE', /LlamaForCausalLM/)
  })
})
