/** Every family's folder: config.json there and back, tensors by name and shape, what is refused. */
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import { createLayout, linearNames } from '../../../src/adapter/layout.ts'
import { bytesOf } from '../../../src/base/bytes.ts'
import { type ErrorCode, isCoveyError } from '../../../src/base/errors.ts'
import { encodeSafetensors, type TensorBytes, toBf16, toFloat32 } from '../../../src/base/safetensors.ts'
import { architectureFor } from '../../../src/model/families/architectures.ts'
import { loadModel } from '../../../src/model/folder/load.ts'
import { writeModel } from '../../../src/model/folder/write.ts'
import { createRandomModel } from '../../../src/model/random.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { architectureName, type ConfigJson, FAMILIES, familyConfig } from '../../support/families.ts'
import { PUBLISHED } from '../../support/published-configs.ts'
import { useTempFolders } from '../../support/temp-folder.ts'
import { tinyLora } from '../../support/tiny-config.ts'

const count = (shapes: ReadonlyMap<string, readonly number[]>): number =>
  [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((n, d) => n * d, 1), 0)

describe('families: config.json', () => {
  for (const [name, json] of Object.entries(FAMILIES)) {
    it(`${name}: what is written reads back as the same`, () => {
      const architecture = architectureFor(architectureName(json))
      const config = familyConfig(json)
      const written = JSON.parse(JSON.stringify(architecture.writeConfig(config, 'BF16')))
      expect(architecture.readConfig(written)).to.deep.equal(config)
      expect(written.architectures).to.deep.equal(json.architectures)
    })

    it(`${name}: an adapter's layers are tensors of the model, with the shapes that the layout says`, () => {
      const config = familyConfig(json)
      const shapes = architectureFor(architectureName(json)).tensorShapes(config)
      const lora = { ...tinyLora, targets: linearNames(config) }
      for (const { module, factor, shape } of createLayout(config, lora).entries) {
        const weight = shapes.get(`${module}.weight`)
        expect(shape, module).to.deep.equal(factor === 'A' ? [lora.rank, weight?.[1]] : [weight?.[0], lora.rank])
      }
      const adapted = createLayout(config, lora).entries.length / 2
      const ends = /embed|(^|\.)classifier\.|lm_head/
      const matrices = [...shapes].filter(([tensor, shape]) => shape.length === 2 && !ends.test(tensor))
      expect(adapted, 'every matrix but embeddings and the head').to.equal(matrices.length)
    })
  }

  for (const [name, { json, weights }] of Object.entries(PUBLISHED)) {
    it(`${name} has ${weights} weights`, () => {
      expect(count(architectureFor(architectureName(json)).tensorShapes(familyConfig(json)))).to.equal(weights)
    })
  }

  it("transformers 5's spelling of Gemma 3's rotations", () => {
    const old = FAMILIES['Gemma 3 with caps']
    if (!old) throw new Error('no Gemma')
    const { rope_theta, rope_scaling, ...rest } = old
    const json = {
      ...rest,
      rope_parameters: {
        full_attention: { rope_theta, ...(rope_scaling as object) },
        sliding_attention: { rope_type: 'default', rope_theta: 10_000 },
      },
    }
    expect(familyConfig(json)).to.deep.equal(familyConfig(old))
  })

  it('a written LongRoPE has the fields that Phi3Config takes, and keeps a magnitude of its own', () => {
    const scaling = (json: ConfigJson): unknown =>
      architectureFor('Phi3ForCausalLM').writeConfig(familyConfig(json), 'F32').rope_scaling
    const phi = FAMILIES['Phi-4-mini'] as ConfigJson
    expect(scaling(phi)).to.have.all.keys('type', 'short_factor', 'long_factor')
    const own = { ...phi, rope_scaling: { ...(phi.rope_scaling as object), attention_factor: 1.5 } }
    expect(scaling(own)).to.include({ attention_factor: 1.5 })
  })

  it('names of PEFT are those of Hugging Face', () => {
    const modules = (family: string): string[] => {
      const config = familyConfig(FAMILIES[family] as ConfigJson)
      const { entries } = createLayout(config, { ...tinyLora, targets: linearNames(config) })
      return entries.filter((e) => e.factor === 'A').map((e) => e.module)
    }
    expect(modules('Phi-3.5')).to.include.members([
      'model.layers.0.self_attn.qkv_proj',
      'model.layers.1.mlp.gate_up_proj',
    ])
    expect(modules('OPT')).to.include.members([
      'model.decoder.layers.0.fc1',
      'model.decoder.layers.1.self_attn.out_proj',
    ])
    expect(modules('OPT-350m').slice(-2)).to.deep.equal(['model.decoder.project_in', 'model.decoder.project_out'])
    expect(modules('DistilBERT, classes')).to.include.members([
      'distilbert.transformer.layer.0.attention.q_lin',
      'pre_classifier',
    ])
  })

  const refused: [family: string, change: Record<string, unknown>, code: ErrorCode, message: RegExp][] = [
    ['Mistral 7B', { layer_types: ['chunked_attention', 'full_attention'] }, 'E_MODEL_ARCHITECTURE', /chunked/],
    ['Mistral 7B', { layer_types: ['full_attention'] }, 'E_MODEL_FILE', /layer_types: expected 2/],
    ['Qwen2.5', { rope_scaling: { type: 'mrope', mrope_section: [1] } }, 'E_MODEL_ARCHITECTURE', /mrope/],
    [
      'Qwen3 with YaRN',
      { rope_scaling: { rope_type: 'yarn', factor: 4, mscale: 1 } },
      'E_MODEL_ARCHITECTURE',
      /mscale/,
    ],
    ['Qwen3 with YaRN', { rope_scaling: { rope_type: 'yarn' } }, 'E_MODEL_FILE', /factor: expected with/],
    ['Gemma 3', { use_bidirectional_attention: true }, 'E_MODEL_ARCHITECTURE', /bidirectional/],
    ['Gemma 3', { hidden_activation: 'quick_gelu' }, 'E_MODEL_ARCHITECTURE', /quick_gelu/],
    ['Gemma 3', { final_logit_softcapping: -1 }, 'E_MODEL_FILE', /final_logit_softcapping/],
    ['Phi-4-mini', { partial_rotary_factor: 0.4 }, 'E_MODEL_FILE', /even/],
    ['Phi-4-mini', { partial_rotary_factor: 2 }, 'E_MODEL_FILE', /partial_rotary_factor/],
    ['Granite', { logits_scaling: 0 }, 'E_MODEL_FILE', /logits_scaling/],
    ['OPT', { enable_bias: false }, 'E_MODEL_ARCHITECTURE', /enable_bias/],
    ['OPT', { num_attention_heads: 5 }, 'E_MODEL_FILE', /divide/],
    ['DistilBERT, classes', { problem_type: 'multi_label_classification' }, 'E_MODEL_ARCHITECTURE', /multi_label/],
    ['DistilBERT, classes', { num_labels: 1, id2label: null }, 'E_MODEL_ARCHITECTURE', /regression/],
    ['DistilBERT, classes', { num_labels: 2 }, 'E_MODEL_FILE', /id2label: expected 2 names, got 3/],
    ['DistilBERT, classes', { id2label: { 0: 'a', 1: 'a' } }, 'E_MODEL_FILE', /each name once/],
  ]
  for (const [family, change, code, message] of refused) {
    it(`${family}: refuses ${JSON.stringify(change)}`, () =>
      expectRejects(() => familyConfig({ ...FAMILIES[family], ...change }), code, message))
  }

  it('reads any JSON as a config or says what is wrong with it, in its own words', () => {
    const names = Object.keys(FAMILIES)
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.array(fc.tuple(fc.nat(), fc.jsonValue({ maxDepth: 2 })), { minLength: 1, maxLength: 3 }),
        (name, changes) => {
          const json = { ...FAMILIES[name], rope_scaling: null, rope_parameters: null, layer_types: null } as Record<
            string,
            unknown
          >
          const fields = Object.keys(json).filter((field) => field !== 'architectures')
          for (const [at, value] of changes) json[fields[at % fields.length] as string] = value
          try {
            const config = familyConfig({ ...json, architectures: FAMILIES[name]?.architectures })
            expect(config.layers).to.be.within(1, 512)
          } catch (error) {
            if (!isCoveyError(error)) throw error
            expect(error.code).to.be.oneOf(['E_MODEL_FILE', 'E_MODEL_ARCHITECTURE'])
            expect(error.message).to.match(/^config\.json: /)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('says which families it knows', () =>
    expectRejects(
      () => architectureFor('Gemma3ForConditionalGeneration'),
      'E_MODEL_ARCHITECTURE',
      /Gemma3ForConditionalGeneration.*LlamaForCausalLM.*MistralForCausalLM.*Qwen2ForCausalLM.*Qwen3ForCausalLM.*Gemma3ForCausalLM.*Phi3ForCausalLM.*GraniteForCausalLM.*OPTForCausalLM.*DistilBertForSequenceClassification/,
    ))
})

describe('families: folders', () => {
  const folder = useTempFolders()

  for (const [name, json] of Object.entries(FAMILIES)) {
    it(`${name}: one file in bfloat16, and shards of float16 and float32`, async () => {
      const dir = await folder()
      const model = createRandomModel(familyConfig(json), 3)
      await writeModel(dir, model.config, (tensor) => model.tensor(tensor), 'BF16')
      const one = await loadModel(dir)
      expect(one.config).to.deep.equal(model.config)
      expect(one.tensorNames).to.deep.equal(model.tensorNames)
      for (const tensor of model.tensorNames)
        expect(one.tensor(tensor), tensor).to.deep.equal(toFloat32('BF16', toBf16(model.tensor(tensor))))

      const half = Math.ceil(model.tensorNames.length / 2)
      const map: Record<string, string> = {}
      const asHalf = (tensor: string): TensorBytes => ({
        name: tensor,
        dtype: 'F16',
        shape: model.shape(tensor),
        bytes: bytesOf(new Uint16Array(model.tensor(tensor).length).fill(0x3c00)),
      })
      const asSingle = (tensor: string): TensorBytes => ({
        name: tensor,
        dtype: 'F32',
        shape: model.shape(tensor),
        bytes: bytesOf(model.tensor(tensor)),
      })
      const shards = [model.tensorNames.slice(0, half).map(asHalf), model.tensorNames.slice(half).map(asSingle)]
      for (const [i, tensors] of shards.entries()) {
        const file = `model-0000${i + 1}-of-00002.safetensors`
        for (const t of tensors) map[t.name] = file
        await writeFile(join(dir, file), encodeSafetensors(tensors))
      }
      await rename(join(dir, 'model.safetensors'), join(dir, 'whole.bin'))
      await writeFile(join(dir, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }))
      const several = await loadModel(dir)
      for (const [i, tensor] of model.tensorNames.entries()) {
        if (i < half)
          expect(
            several.tensor(tensor).every((x) => x === 1),
            tensor,
          ).to.equal(true)
        else expect(several.tensor(tensor), tensor).to.deep.equal(model.tensor(tensor))
      }
      await rename(join(dir, 'model-00002-of-00002.safetensors'), join(dir, 'lost'))
      await expectRejects(() => loadModel(dir), 'E_MODEL_FILE', /00002-of-00002.*there is none/)
    })
  }

  it("a random model's norms multiply by 1 and its biases add 0, whatever the family adds to them", () => {
    const gemma = createRandomModel(familyConfig(FAMILIES['Gemma 3'] as ConfigJson), 1)
    expect(gemma.tensor('model.norm.weight').every((x) => x === 0)).to.equal(true)
    const opt = createRandomModel(familyConfig(FAMILIES.OPT as ConfigJson), 1)
    expect(opt.tensor('model.decoder.final_layer_norm.weight').every((x) => x === 1)).to.equal(true)
    expect(opt.tensor('model.decoder.final_layer_norm.bias').every((x) => x === 0)).to.equal(true)
  })
})
