/** Every family's graph against the slow reference, which is written apart from it; decoding with a cache; 8 bits. */
import { expect } from 'chai'
import { createLayout, linearNames } from '../../../src/adapter/layout.ts'
import { mergeAdapter } from '../../../src/adapter/merge.ts'
import { createOnnxEngine } from '../../../src/engine/onnx/engine.ts'
import type { Precision } from '../../../src/types/engine.ts'
import type { BaseModel } from '../../../src/types/model.ts'
import {
  adam,
  classifierBatch,
  gradientProbe,
  livelyModel,
  randomBatch,
  randomVector,
} from '../../support/engine-fixtures.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { DECODERS, ENCODERS, FAMILIES, familyConfig } from '../../support/families.ts'
import { cachedLogits, relativeError, wholeLogits } from '../../support/graph-logits.ts'
import { referenceLogits } from '../../support/reference.ts'
import { tinyLora } from '../../support/tiny-config.ts'

/** float32 against float64, relative to the largest logit */
const TOLERANCE = 1e-5
const IDS = [5, 6, 7, 30, 2, 9, 11, 12, 13, 14, 3, 3, 8]
/** tokens before the first that is decoded */
const PROMPT = 4

const places = (model: BaseModel): number[] => (model.config.plain?.classes ? [0] : [...IDS.keys()])
const reader = (model: BaseModel) => (name: string) => model.tensor(name)

describe('families: logits', () => {
  for (const [name, json] of Object.entries(FAMILIES)) {
    it(`${name}: as the reference`, async () => {
      const model = livelyModel(familyConfig(json))
      const ours = await wholeLogits(model, IDS, places(model))
      expect(relativeError(ours, referenceLogits(json, reader(model), IDS))).to.be.below(TOLERANCE)
    })

    it(`${name}: an adapter on every linear layer is what its merged weights are`, async () => {
      const model = livelyModel(familyConfig(json))
      const layout = createLayout(model.config, { ...tinyLora, targets: linearNames(model.config) })
      const adapter = { layout, values: randomVector(layout.size, 0.3) }
      const merged = mergeAdapter(model, adapter)
      const ours = await wholeLogits(model, IDS, places(model), adapter)
      const plain = await wholeLogits(model, IDS, places(model))
      expect(relativeError(ours, referenceLogits(json, reader(merged), IDS))).to.be.below(TOLERANCE)
      expect(relativeError(ours, plain)).to.be.greaterThan(0.01)
    })
  }

  // a reference that passed by ignoring a field would let the graph ignore it too
  const fields: [family: string, field: string, change: Record<string, unknown>][] = [
    ['Llama 3.2', 'rope_scaling', { rope_scaling: null }],
    ['Mistral 7B', 'sliding_window', { sliding_window: 4 }],
    ['Qwen2.5 with window', 'max_window_layers', { max_window_layers: 0 }],
    ['Qwen3 with YaRN', 'rope_scaling', { rope_scaling: null }],
    ['Gemma 3', 'rope_local_base_freq', { rope_local_base_freq: 10 }],
    ['Gemma 3', 'sliding_window_pattern', { sliding_window_pattern: 3 }],
    ['Gemma 3 with caps', 'query_pre_attn_scalar', { query_pre_attn_scalar: 8 }],
    ['Gemma 3 with caps', 'attn_logit_softcapping', { attn_logit_softcapping: null }],
    ['Gemma 3 with caps', 'final_logit_softcapping', { final_logit_softcapping: null }],
    ['Gemma 3 with caps', 'rope_scaling', { rope_scaling: null }],
    ['Phi-3.5', 'rope_scaling', { rope_scaling: null }],
    ['Granite', 'residual_multiplier', { residual_multiplier: 1 }],
    ['Granite', 'embedding_multiplier', { embedding_multiplier: 1 }],
    ['Granite', 'attention_multiplier', { attention_multiplier: 1 }],
    ['Granite', 'logits_scaling', { logits_scaling: 1 }],
    ['OPT', 'activation_function', { activation_function: 'gelu' }],
  ]
  for (const [family, field, change] of fields) {
    it(`${family}: ${field} counts, and counts alike in both`, async () => {
      const before = FAMILIES[family]
      if (!before) throw new Error(family)
      const json = { ...before, ...change }
      const model = livelyModel(familyConfig(json))
      const ours = await wholeLogits(model, IDS)
      expect(relativeError(ours, referenceLogits(json, reader(model), IDS))).to.be.below(TOLERANCE)
      expect(relativeError(ours, referenceLogits(before, reader(model), IDS))).to.be.greaterThan(1e-3)
    })
  }

  it('turns far positions as exactly as near ones', async () => {
    const json = { ...FAMILIES.SmolLM2, max_position_embeddings: 200_000 }
    const model = livelyModel(familyConfig(json))
    const near = await wholeLogits(model, IDS)
    const far = await wholeLogits(model, IDS, places(model), null, 131_072)
    expect(relativeError(far, near), 'rotations only compare positions').to.be.below(TOLERANCE)
  })
})

describe('families: decoding with a cache', () => {
  for (const [name, json] of DECODERS) {
    it(`${name}: gives what scoring without one gives`, async () => {
      const model = livelyModel(familyConfig(json))
      const whole = await wholeLogits(model, IDS)
      expect(relativeError(await cachedLogits(model, IDS, PROMPT), whole.slice(PROMPT - 1))).to.be.below(TOLERANCE)
    })
  }

  for (const [name, json] of DECODERS) {
    it(`${name}: writes what scoring finds likeliest, prompts of several lengths at once`, async () => {
      const model = livelyModel(familyConfig(json))
      const prompts = [IDS.slice(0, 5), IDS.slice(3, 4), IDS.slice(2, 10)]
      const inference = await createOnnxEngine().openInference({ model, layout: null, threads: 1 })
      const options = { maxTokens: 5, temperature: 0, topP: 1, seed: 1, stopIds: [] }
      const written: number[][] = prompts.map(() => [])
      for await (const { row, id } of inference.generate(prompts, options)) written[row]?.push(id)
      await inference.close()
      for (const [row, prompt] of prompts.entries()) {
        const text = [...prompt, ...(written[row] as number[])]
        const logits = referenceLogits(json, reader(model), text)
        const likeliest = logits.slice(prompt.length - 1, -1).map((l) => l.indexOf(Math.max(...l)))
        expect(written[row], `prompt ${row}`).to.deep.equal(likeliest)
      }
    })
  }

  for (const [name, json] of ENCODERS) {
    it(`${name}: does not generate, and says so`, async () => {
      const model = livelyModel(familyConfig(json))
      const inference = await createOnnxEngine().openInference({ model, layout: null, threads: 1 })
      const options = { maxTokens: 3, temperature: 0, topP: 1, seed: 1, stopIds: [] }
      const all = async (): Promise<void> => {
        for await (const _ of inference.generate([[5]], options));
      }
      await expectRejects(all, 'E_MODEL_ARCHITECTURE', /encoder.*does not generate/)
      await inference.close()
    })
  }
})

describe('families: training', () => {
  const cosine = (a: Float32Array, b: Float32Array): number => {
    const dot = (x: Float32Array, y: Float32Array): number => x.reduce((s, v, i) => s + v * (y[i] as number), 0)
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
  }
  for (const [name, json] of Object.entries(FAMILIES)) {
    it(`${name}: 8-bit products give the loss and the gradient of float32, up to rounding`, async () => {
      const model = livelyModel(familyConfig(json))
      const layout = createLayout(model.config, { ...tinyLora, targets: linearNames(model.config) })
      const { classes } = model.config.plain ?? {}
      const batch = randomBatch(model.config, 6)
      const batches = [classes === undefined ? batch : classifierBatch(batch, classes.length)]
      const run = async (precision: Precision) => {
        const trainer = await createOnnxEngine().openTrainer({
          model,
          trainable: { kind: 'lora', layout, factors: ['A', 'B'] },
          optimizer: gradientProbe,
          threads: 1,
          seed: 1,
          precision,
        })
        trainer.setParameters(randomVector(layout.size, 0.3))
        const { loss } = await trainer.step(batches, 0)
        const gradient = trainer.optimizerState().m
        await trainer.close()
        return { loss, gradient }
      }
      const [exact, rounded] = [await run('fp32'), await run('int8')]
      expect(rounded.loss).to.not.equal(exact.loss)
      expect(rounded.loss).to.be.closeTo(exact.loss, 0.03 * exact.loss)
      expect(cosine(rounded.gradient, exact.gradient)).to.be.greaterThan(0.98)
    })
  }

  it('a classifier learns by heart, and its exact match is the share of right classes', async () => {
    const json = FAMILIES['DistilBERT, classes']
    if (!json) throw new Error('no classifier')
    const model = livelyModel(familyConfig(json))
    const layout = createLayout(model.config, { ...tinyLora, targets: linearNames(model.config) })
    const batch = classifierBatch(randomBatch(model.config, 6), 3)
    const trainer = await createOnnxEngine().openTrainer({
      model,
      trainable: { kind: 'lora', layout, factors: ['A', 'B'] },
      optimizer: adam,
      threads: 1,
      seed: 1,
    })
    trainer.setParameters(randomVector(layout.size, 0.1))
    const first = await trainer.step([batch], 0.03)
    for (let i = 0; i < 60; i++) await trainer.step([batch], 0.03)
    const inference = await createOnnxEngine().openInference({ model, layout, threads: 1 })
    inference.setAdapter(trainer.parameters())
    const after = await inference.evaluate([batch])
    await Promise.all([trainer.close(), inference.close()])
    expect(after.loss).to.be.below(first.loss / 4)
    expect(after).to.include({ exactMatch: 1, examples: 6, labels: 6 })
  })

  it('refuses labels that a classifier cannot have', async () => {
    const json = FAMILIES['DistilBERT, classes']
    if (!json) throw new Error('no classifier')
    const model = livelyModel(familyConfig(json))
    const inference = await createOnnxEngine().openInference({ model, layout: null, threads: 1 })
    const batch = randomBatch(model.config, 6)
    await expectRejects(() => inference.evaluate([classifierBatch(batch, 4)]), 'E_ARGUMENT', /classifier has 3/)
    const late = { ...batch, labels: batch.labels.map((_, i) => (batch.positions[i] === 1 ? 0 : -100)) }
    await expectRejects(() => inference.evaluate([late]), 'E_ARGUMENT', /first token/)
    await inference.close()
  })
})
