/** Every method in the engine's graphs: derivatives, learning, what it begins with, and the base alone. */
import { expect } from 'chai'
import { mergeAdapter } from '../../../src/adapter/merge.ts'
import { methodLayout, methodOf, untrainedAdapter } from '../../../src/adapter/methods.ts'
import { packExamples } from '../../../src/data/pack.ts'
import { createOnnxEngine } from '../../../src/engine/onnx/engine.ts'
import type { Adapter, AdapterLayout } from '../../../src/types/adapter.ts'
import type { TokenizedExample } from '../../../src/types/data.ts'
import type { Inference, OptimizerConfig, Precision, Trainer } from '../../../src/types/engine.ts'
import type { BaseModel } from '../../../src/types/model.ts'
import { adam, gradientProbe, livelyModel, randomBatch, randomExamples } from '../../support/engine-fixtures.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { FAMILIES, familyConfig } from '../../support/families.ts'
import { checkGradient, placesIn } from '../../support/finite-differences.ts'
import { cacheOf, relativeError, wholeLogits } from '../../support/graph-logits.ts'
import { methodSettings, movedAdapter } from '../../support/method-settings.ts'
import { tinyConfig } from '../../support/tiny-config.ts'

const engine = createOnnxEngine()
const model = livelyModel(tinyConfig)
const METHODS = Object.entries(methodSettings(tinyConfig))
/** A prefix and a prompt draw attention from the first step on. */
const DRAWS_ATTENTION: readonly string[] = ['prefix', 'prompt']
/** numbers whose derivative is looked at, of an adapter of few tensors */
const LEAST_PLACES = 24
/** sums in another order */
const REORDERED = 1e-5

const open = (base: BaseModel, layout: AdapterLayout, optimizer: OptimizerConfig = adam): Promise<Trainer> =>
  engine.openTrainer({ model: base, trainable: { kind: 'adapter', layout }, optimizer, threads: 1, seed: 1 })

async function gradients(base: BaseModel, adapter: Adapter): Promise<void> {
  const { layout, values } = adapter
  const trainer = await open(base, layout, gradientProbe)
  const spans = layout.entries.map((e) => ({ offset: e.offset, size: e.shape.reduce((n, d) => n * d, 1) }))
  await checkGradient(
    trainer,
    base.config,
    values,
    placesIn(spans, Math.max(2, Math.ceil(LEAST_PLACES / spans.length))),
  )
  await trainer.close()
}

const ids = [5, 9, 3, 17, 22, 4]

describe('methods: training', () => {
  for (const [name, settings] of METHODS) {
    describe(name, () => {
      it('has the gradient of its own loss', () => gradients(model, movedAdapter(model, settings)))

      it('learns a small batch by heart', async () => {
        const { layout, values } = untrainedAdapter(model, methodLayout(model, settings))
        const trainer = await open(model, layout)
        trainer.setParameters(values)
        const batch = randomBatch(tinyConfig)
        const first = await trainer.step([batch], 0.05)
        let last = first
        for (let i = 0; i < 200; i++) last = await trainer.step([batch], 0.05)
        await trainer.close()
        // six virtual tokens cannot hold everything: the bar is where every method comes
        expect(last.loss).to.be.below(0.6 * first.loss)
      })

      it('begins as the base, if it adds to it', async () => {
        const adapter = untrainedAdapter(model, methodLayout(model, settings))
        const base = await wholeLogits(model, ids)
        const error = relativeError(await wholeLogits(model, ids, undefined, adapter), base)
        if (DRAWS_ATTENTION.includes(settings.method)) expect(error).to.be.greaterThan(1e-3)
        else expect(error).to.be.below(1e-6)
      })

      it('computes merged what it computes beside the base, or says that it cannot be merged', async () => {
        const adapter = movedAdapter(model, settings)
        if (!methodOf(settings.method).merged)
          return expectRejects(() => mergeAdapter(model, adapter), 'E_ADAPTER', /cannot be merged.*--adapter/)
        const beside = await wholeLogits(model, ids, undefined, adapter)
        expect(relativeError(await wholeLogits(mergeAdapter(model, adapter), ids), beside)).to.be.below(REORDERED)
        expect(relativeError(await wholeLogits(model, ids), beside), 'it changes something').to.be.greaterThan(1e-3)
      })
    })
  }
})

describe('methods: frozen weights in fewer bits', () => {
  const lossOf = async (name: string, precision: Precision): Promise<number> => {
    const { layout, values } = untrainedAdapter(model, methodLayout(model, methodSettings(tinyConfig)[name]!))
    const trainable = { kind: 'adapter', layout } as const
    const trainer = await engine.openTrainer({ model, trainable, optimizer: adam, threads: 1, seed: 1, precision })
    trainer.setParameters(values)
    const { loss } = await trainer.step([randomBatch(tinyConfig)], 0)
    await trainer.close()
    return loss
  }
  for (const precision of ['int8', 'int4'] as const) {
    it(`${precision}: begin as the base does in as many bits`, async () => {
      const base = await lossOf('LoRA', precision)
      expect(base).to.not.equal(await lossOf('LoRA', 'fp32'))
      for (const name of ['DoRA', '(IA)³', 'bottleneck, Houlsby'])
        expect(await lossOf(name, precision), name).to.be.closeTo(base, REORDERED)
    })

    it(`${precision}: what is selected is float32, the rest is not`, async () => {
      expect(await lossOf('full', precision)).to.be.closeTo(await lossOf('full', 'fp32'), REORDERED)
      expect(await lossOf('selected layers', precision)).to.not.equal(await lossOf('LoRA', precision))
    })
  }
})

/** What the plain shape has not: biases, a window, fused projections, norms behind parts and scaled embeddings, learned positions. */
const OTHERS = ['Llama with biases', 'Mistral 7B', 'Phi-3.5', 'Gemma 3', 'OPT', 'OPT-350m']

describe('methods: other families', () => {
  for (const family of OTHERS) {
    const config = familyConfig(FAMILIES[family]!)
    const base = livelyModel(config)
    for (const name of ['DoRA', '(IA)³', 'full']) {
      it(`${family}, ${name}: merged as beside the base`, async () => {
        const adapter = movedAdapter(base, methodSettings(config)[name]!)
        const beside = await wholeLogits(base, ids, undefined, adapter)
        expect(relativeError(await wholeLogits(mergeAdapter(base, adapter), ids), beside)).to.be.below(REORDERED)
      })
    }

    it(`${family}: a prompt out of the vocabulary reads like those tokens before the text`, () => promptIsText(base))
    it(`${family}: a prefix of a text's own keys and values is that text`, () => prefixIsText(base))
  }

  const derived: [family: string, method: string][] = [
    ['Llama with biases', '(IA)³'],
    ['Llama with biases', 'bottleneck, Houlsby'],
    ['Granite', 'prefix'],
    ['Gemma 3', 'prompt'],
    ['Phi-3.5', 'DoRA'],
  ]
  for (const [family, method] of derived) {
    it(`${family}, ${method}: the gradient of its own loss`, () => {
      const config = familyConfig(FAMILIES[family]!)
      const base = livelyModel(config)
      return gradients(base, movedAdapter(base, methodSettings(config)[method]!))
    })
  }

  it('an encoder takes no virtual tokens', async () => {
    const config = familyConfig(FAMILIES['DistilBERT, masked']!)
    const base = livelyModel(config)
    for (const method of ['prefix', 'prompt'] as const)
      await expectRejects(() => methodLayout(base, { method, virtual: { tokens: 3, seed: 1 } }), 'E_ADAPTER', /decoder/)
  })
})

/** Tokens that stand before `ids`. */
const FIRST = [11, 7, 29]
const behindFirst = ids.map((_, i) => FIRST.length + i)

async function promptIsText(base: BaseModel): Promise<void> {
  const layout = methodLayout(base, { method: 'prompt', virtual: { tokens: FIRST.length, seed: 1 } })
  const table = base.tensor(base.config.plain?.names.embedding ?? 'model.embed_tokens.weight')
  const width = layout.size / FIRST.length
  const values = Float32Array.from(FIRST.flatMap((t) => [...table.subarray(t * width, (t + 1) * width)]))
  const beside = await wholeLogits(base, ids, undefined, { layout, values })
  const inText = await wholeLogits(base, [...FIRST, ...ids], behindFirst)
  expect(relativeError(beside, inText)).to.be.below(REORDERED)
}

async function prefixIsText(base: BaseModel): Promise<void> {
  const { layers, kvHeads, headDim } = base.config
  const layout = methodLayout(base, { method: 'prefix', virtual: { tokens: FIRST.length, seed: 1 } })
  const cache = await cacheOf(base, FIRST)
  // (1, K, tokens, h) of each layer to PEFT's (tokens, layers, keys and values, K, h)
  const values = Float32Array.from(
    FIRST.flatMap((_, t) =>
      Array.from({ length: layers }, (_, i) =>
        [cache.keys[i]!, cache.values[i]!].flatMap((part) =>
          Array.from({ length: kvHeads }, (_, k) => {
            const at = (k * FIRST.length + t) * headDim
            return [...part.subarray(at, at + headDim)]
          }).flat(),
        ),
      ).flat(),
    ),
  )
  const beside = await wholeLogits(base, ids, undefined, { layout, values })
  const inText = await wholeLogits(base, [...FIRST, ...ids], behindFirst)
  expect(relativeError(beside, inText)).to.be.below(REORDERED)
}

describe('methods: inference', () => {
  const using = async <T>(layout: AdapterLayout, work: (i: Inference) => Promise<T>): Promise<T> => {
    const inference = await engine.openInference({ model, layout, threads: 1 })
    try {
      return await work(inference)
    } finally {
      await inference.close()
    }
  }
  const examples = randomExamples(tinyConfig, 6)

  for (const [name, settings] of METHODS) {
    it(`${name}: no adapter is the base alone`, async () => {
      const batches = [packExamples(examples, 24)]
      const adapter = movedAdapter(model, settings)
      const alone = await engine.openInference({ model, layout: null, threads: 1 })
      const base = await alone.evaluate(batches)
      await alone.close()
      await using(adapter.layout, async (i) => {
        expect((await i.evaluate(batches)).loss).to.be.closeTo(base.loss, 1e-6)
        i.setAdapter(adapter.values)
        expect(Math.abs((await i.evaluate(batches)).loss - base.loss)).to.be.greaterThan(1e-3)
      })
    })
  }

  for (const method of DRAWS_ATTENTION) {
    const adapter = movedAdapter(model, methodSettings(tinyConfig)[method]!)
    it(`${method}: packed or alone, trained or scored, the loss is the same`, () =>
      using(adapter.layout, async (i) => {
        i.setAdapter(adapter.values)
        const packed = await i.evaluate([packExamples(examples, 24)])
        const alone = await i.evaluate(examples.map((e) => packExamples([e], 7)))
        expect(packed.loss).to.be.closeTo(alone.loss, REORDERED)
        const trainer = await open(model, adapter.layout)
        trainer.setParameters(adapter.values)
        const { loss } = await trainer.step([packExamples(examples, 24)], 0)
        await trainer.close()
        expect(loss).to.be.closeTo(packed.loss, REORDERED)
      }))

    it(`${method}: decodes token by token what it scores as a whole`, () =>
      using(adapter.layout, async (i) => {
        i.setAdapter(adapter.values)
        const prompts = [[5, 6], [7, 8, 9], [30]]
        const made: number[][] = prompts.map(() => [])
        const options = { maxTokens: 6, temperature: 0, topP: 1, seed: 1, stopIds: [] }
        for await (const t of i.generate(prompts, options)) made[t.row]!.push(t.id)
        const own = prompts.map(
          (prompt, n): TokenizedExample => ({
            ids: Int32Array.from([...prompt, ...made[n]!]),
            promptLength: prompt.length,
          }),
        )
        expect((await i.evaluate([packExamples(own, 16)])).exactMatch).to.equal(1)
      }))

    it(`${method}: takes its places of the context`, () =>
      using(adapter.layout, async (i) => {
        i.setAdapter(adapter.values)
        const room = tinyConfig.maxPositions - adapter.layout.size / adapter.layout.entries[0]!.shape[1]!
        const long = Array<number>(room).fill(5)
        const options = { maxTokens: 1, temperature: 0, topP: 1, seed: 1, stopIds: [] }
        await expectRejects(() => i.generate([long], options)[Symbol.asyncIterator]().next(), 'E_ARGUMENT', /room/)
      }))
  }
})
