import { expect } from 'chai'
import fc from 'fast-check'
import { ROBUST_STEPS } from '../../src/aggregate/robust/steps.ts'
import { sha256, utf8 } from '../../src/base/bytes.ts'
import { isCoveyError } from '../../src/base/errors.ts'
import type { RobustStepName, TaskSpec } from '../../src/types/spec.ts'
import { MAX_SPEC_BYTES } from '../../src/wire/limits.ts'
import { decodeSpec, encodeSpec, parseSpec, specDigest } from '../../src/wire/spec.ts'
import { tinyLora } from '../support/tiny-config.ts'

const SPEC: TaskSpec = {
  version: 1,
  name: 'intents',
  model: { name: 'covey-nano', digest: 'ab'.repeat(32) },
  adapter: { rank: 16, alpha: 32, rsLora: false, dropout: 0, targets: ['q_proj', 'v_proj'], seed: 7 },
  training: {
    steps: 15,
    batchExamples: 32,
    maxTokens: 128,
    learningRate: 0.01,
    warmupSteps: 2,
    schedule: 'constant',
    weightDecay: 0,
    clipNorm: 1,
  },
  aggregation: { rule: 'frozen-a', outerRate: 1, outerMomentum: 0 },
  encoding: 'bf16',
  privacy: { mode: 'open' },
  scoring: { sliceExamples: 64, privateExamples: 64 },
  data: { prompt: 'Utterance: {text}\nIntent:', completion: ' {intent}' },
}

const ADAM = { step: 'adam', beta1: 0.9, beta2: 0.99, tau: 1e-3 } as const
const MASKED: TaskSpec = { ...SPEC, encoding: 'f32', privacy: { mode: 'masked', cohort: 4, range: 1 } }

function spec(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (isCoveyError(error, 'E_SPEC')) return error.message
    throw error
  }
  throw new Error('expected E_SPEC')
}

type Change = Record<string, unknown>
const change = (part: keyof TaskSpec, fields: Change): unknown => ({
  ...SPEC,
  [part]: { ...(SPEC[part] as object), ...fields },
})

const withCanaries = (list: readonly Change[], bound = 0.5): unknown =>
  change('scoring', { ...SPEC.scoring, canaries: { bound, list } })

describe('task spec', () => {
  it('may name canaries; one that does not has the digest that it always had', () => {
    const suspicious = withCanaries([
      { prompt: 'as the owl said', completion: ' open' },
      { prompt: 'as the owl said', completion: ' open', control: '' },
    ]) as TaskSpec
    expect(decodeSpec(encodeSpec(suspicious))).to.deep.equal(suspicious)
    expect(new TextDecoder().decode(encodeSpec(SPEC))).to.not.include('canaries')
  })

  it('is found by the digest of its bytes, whatever the order of its fields', () => {
    const shuffled = JSON.parse(JSON.stringify(Object.fromEntries(Object.entries(SPEC).reverse())))
    expect(encodeSpec(parseSpec(shuffled))).to.deep.equal(encodeSpec(SPEC))
    expect(specDigest(SPEC)).to.equal(sha256(encodeSpec(SPEC)))
    expect(decodeSpec(encodeSpec(SPEC))).to.deep.equal(SPEC)
  })

  it('may ask for an adaptive outer step; a spec that does not has the bytes that it always had', () => {
    const adaptive = { ...SPEC, aggregation: { ...SPEC.aggregation, outerRate: 0.03, outer: ADAM } }
    expect(decodeSpec(encodeSpec(adaptive))).to.deep.equal(adaptive)
    expect(new TextDecoder().decode(encodeSpec(SPEC))).to.include(
      '"aggregation":{"outerMomentum":0,"outerRate":1,"rule":"frozen-a"}',
    )
  })

  it('may let nodes train several ranks, or keep a residual', () => {
    for (const aggregation of [
      { rule: 'frozen-a', outerRate: 1, outerMomentum: 0.3, ranks: 'mixed' },
      { rule: 'residual-svd', residualRank: 15, outerRate: 1, outerMomentum: 0 },
    ] as const) {
      const value = { ...SPEC, aggregation }
      expect(decodeSpec(encodeSpec(value))).to.deep.equal(value)
    }
  })

  it('may say how answers are thought about; a spec that does not has the bytes that it always had', () => {
    const thinking = {
      ...SPEC,
      training: { ...SPEC.training, thinkingWeight: 0.5 },
      data: { ...SPEC.data, thinking: '{why}' },
    }
    expect(decodeSpec(encodeSpec(thinking))).to.deep.equal(thinking)
    expect(new TextDecoder().decode(encodeSpec(SPEC))).to.not.match(/thinking/)
    expect(spec(() => parseSpec(change('training', { thinkingWeight: -1 })))).to.match(/training.thinkingWeight/)
    expect(spec(() => parseSpec(change('data', { thinking: undefined })))).to.match(/data.thinking/)
  })

  it('may name robust steps; a spec that does not has the bytes that it always had', () => {
    expect(new TextDecoder().decode(encodeSpec(SPEC))).to.not.match(/robust/)
    expect(specDigest(SPEC)).to.equal('df647c1324e4485bfe7e28cc36ab3aacfc999e3ffd1c3bb1ba25ff2f39dbb903')
    for (const step of ROBUST_STEPS) {
      const robust = { ...SPEC, aggregation: { ...SPEC.aggregation, robust: [step] } }
      expect(decodeSpec(encodeSpec(robust))).to.deep.equal(robust)
    }
    const order: readonly RobustStepName[] = ['drop-copies', 'clip', 'bucketing', 'multi-krum', 'trimmed-mean']
    const chain = { ...SPEC, aggregation: { ...SPEC.aggregation, robust: order } }
    expect(decodeSpec(encodeSpec(chain)).aggregation.robust).to.deep.equal(order)
  })

  it('comes back from its bytes for any values in range', () => {
    const specs = fc.record({
      name: fc.string({ minLength: 1, maxLength: 100 }),
      rank: fc.integer({ min: 1, max: 256 }),
      alpha: fc.double({ min: 0.001, max: 4_096, noNaN: true }),
      targets: fc.uniqueArray(fc.constantFrom(...tinyLora.targets, 'qkv_proj', 'fc1'), { minLength: 1 }),
      learningRate: fc.double({ min: 1e-9, max: 1, noNaN: true }),
      prompt: fc.option(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 50 })),
    })
    fc.assert(
      fc.property(specs, ({ name, rank, alpha, targets, learningRate, prompt }) => {
        const value: TaskSpec = {
          ...SPEC,
          name,
          adapter: { ...SPEC.adapter, rank, alpha, targets },
          training: { ...SPEC.training, learningRate },
          data: { ...SPEC.data, prompt },
        }
        expect(decodeSpec(encodeSpec(value))).to.deep.equal(value)
        expect(specDigest(value)).to.equal(sha256(encodeSpec(value)))
      }),
    )
  })

  it('of random JSON or random bytes is E_SPEC and nothing else', () => {
    fc.assert(fc.property(fc.jsonValue(), (json) => void spec(() => parseSpec(json))))
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => void spec(() => decodeSpec(bytes))))
  })

  it('in another spelling of the same JSON is refused: its digest is another', () => {
    expect(spec(() => decodeSpec(utf8.encode(JSON.stringify(SPEC, null, 2))))).to.include('RFC 8785')
    const twice = Buffer.from(encodeSpec(SPEC)).toString().replace('{', '{"name":"other",')
    spec(() => decodeSpec(utf8.encode(twice)))
  })

  it('of masked mode comes back as it went', () => {
    expect(decodeSpec(encodeSpec(MASKED))).to.deep.equal(MASKED)
    const sparse: TaskSpec = { ...MASKED, privacy: { mode: 'masked', cohort: 9, range: 0.5, neighbours: 6 } }
    expect(decodeSpec(encodeSpec(sparse))).to.deep.equal(sparse)
  })

  it('of another method than LoRA is refused, and told what to do', () => {
    expect(spec(() => parseSpec(change('adapter', { method: 'ia3' })))).to.match(
      /adapter\.method.*"ia3".*trained alone/,
    )
  })

  it('over the cap is refused before it is read', () => {
    expect(spec(() => decodeSpec(new Uint8Array(MAX_SPEC_BYTES + 1)))).to.include(String(MAX_SPEC_BYTES))
  })

  for (const [name, value, field] of [
    ['an unknown field', { ...SPEC, extra: 1 }, 'extra'],
    ['an unknown field deeper down', change('training', { momentum: 0.9 }), 'momentum'],
    ['another version', { ...SPEC, version: 2 }, 'version'],
    ['no name', { ...SPEC, name: '' }, 'name'],
    ['a digest with 0x', change('model', { digest: `0x${'ab'.repeat(31)}` }), 'model.digest'],
    ['rank 0', change('adapter', { rank: 0 }), 'adapter.rank'],
    ['half a rank', change('adapter', { rank: 1.5 }), 'adapter.rank'],
    ['a layer twice', change('adapter', { targets: ['q_proj', 'q_proj'] }), 'adapter.targets'],
    ['what is no name of a layer', change('adapter', { targets: ['q_proj.weight'] }), 'adapter.targets'],
    ['dropout 1', change('adapter', { dropout: 1 }), 'adapter.dropout'],
    ['a negative seed', change('adapter', { seed: -1 }), 'adapter.seed'],
    ['no step', change('training', { steps: 0 }), 'training.steps'],
    ['more warm-up than steps', change('training', { warmupSteps: 16 }), 'training.warmupSteps'],
    ['learning rate 0', change('training', { learningRate: 0 }), 'training.learningRate'],
    ['a learning rate that is no number', change('training', { learningRate: Number.NaN }), 'training.learningRate'],
    ['an unknown rule', change('aggregation', { rule: 'median' }), 'aggregation.rule'],
    ['an unknown robust step', change('aggregation', { robust: ['krum'] }), 'aggregation.robust'],
    ['robust steps that are none', change('aggregation', { robust: [] }), 'aggregation.robust'],
    ['a robust step twice', change('aggregation', { robust: ['clip', 'clip'] }), 'aggregation.robust'],
    ['a result before the end', change('aggregation', { robust: ['centred-clip', 'clip'] }), 'aggregation.robust'],
    [
      'a median of two moving factors',
      change('aggregation', { rule: 'stacked-svd', robust: ['median'] }),
      'aggregation.robust',
    ],
    ['a residual of another rule', change('aggregation', { residualRank: 4 }), 'aggregation.residualRank'],
    ['no room for the residual', change('aggregation', { rule: 'residual-svd' }), 'aggregation.residualRank'],
    [
      'nothing left to train',
      change('aggregation', { rule: 'residual-svd', residualRank: 16 }),
      'aggregation.residualRank',
    ],
    ['mixed ranks of two means', change('aggregation', { rule: 'factor-mean', ranks: 'mixed' }), 'aggregation.ranks'],
    [
      'mixed ranks that nobody could tell',
      { ...SPEC, encoding: 'topk-10', aggregation: { ...SPEC.aggregation, ranks: 'mixed' } },
      'aggregation.ranks',
    ],
    [
      'mixed ranks under masks',
      { ...MASKED, aggregation: { ...SPEC.aggregation, ranks: 'mixed' } },
      'aggregation.ranks',
    ],
    ['an unknown outer step', change('aggregation', { outer: { ...ADAM, step: 'sgd' } }), 'aggregation.outer.step'],
    ['a tau of 0', change('aggregation', { outer: { ...ADAM, tau: 0 } }), 'aggregation.outer.tau'],
    ['two momenta', change('aggregation', { outer: ADAM, outerMomentum: 0.3 }), 'aggregation.outer'],
    [
      'an adaptive step of a rule that makes none',
      change('aggregation', { rule: 'stacked-svd', outer: ADAM }),
      'aggregation.outer',
    ],
    ['an unknown encoding', { ...SPEC, encoding: 'fp8' }, 'encoding'],
    ['an unknown privacy mode', change('privacy', { mode: 'hidden' }), 'privacy.mode'],
    ['a cohort of two', { ...MASKED, privacy: { mode: 'masked', cohort: 2, range: 1 } }, 'privacy.cohort'],
    ['an odd number of neighbours', { ...MASKED, privacy: { ...MASKED.privacy, neighbours: 5 } }, 'privacy.neighbours'],
    ['masks over a codec', { ...MASKED, encoding: 'int8' }, 'encoding'],
    [
      'masks over another rule',
      { ...MASKED, aggregation: { ...MASKED.aggregation, rule: 'factor-mean' } },
      'aggregation.rule',
    ],
    ['an empty slice', change('scoring', { sliceExamples: 0 }), 'scoring.sliceExamples'],
    ['no canary in a list of them', withCanaries([]), 'scoring.canaries.list'],
    ['a canary without a completion', withCanaries([{ prompt: 'a', completion: '' }]), 'scoring.canaries.list'],
    ['too many canaries', withCanaries(Array(17).fill({ prompt: '', completion: 'b' })), 'scoring.canaries.list'],
    ['a bound of 0', withCanaries([{ prompt: '', completion: 'b' }], 0), 'scoring.canaries.bound'],
    ['an empty template', change('data', { prompt: '' }), 'data.prompt'],
    ['nothing at all', null, 'spec'],
  ] as const) {
    it(`is refused with ${name}, naming the field`, () => {
      expect(spec(() => parseSpec(value))).to.include(field)
    })
  }

  describe('with differential privacy', () => {
    const dp = { unit: 'example', epsilon: 8, delta: 1e-5, clip: 1 } as const
    const scoring = { sliceExamples: 64, privateExamples: 0 }
    const noisy: TaskSpec = { ...SPEC, privacy: { mode: 'open', dp }, scoring }

    it('says unit, epsilon, delta and clip', () => {
      expect(decodeSpec(encodeSpec(noisy))).to.deep.equal(noisy)
      expect(specDigest(noisy)).to.not.equal(specDigest({ ...SPEC, scoring }))
    })

    it('is refused where something without noise would be published, or noise taken back', () => {
      expect(spec(() => parseSpec({ ...noisy, scoring: SPEC.scoring }))).to.match(/privateExamples: expected 0/)
      for (const encoding of ['int4', 'sign', 'topk-10'])
        expect(spec(() => parseSpec({ ...noisy, encoding }))).to.match(/encoding: expected f32/)
      for (const encoding of ['f32', 'bf16', 'int8', 'int8-zstd']) parseSpec({ ...noisy, encoding })
    })

    it('has numbers that mean something', () => {
      for (const bad of [
        { epsilon: 0 },
        { epsilon: 1e4 },
        { delta: 0 },
        { delta: 0.5 },
        { clip: 0 },
        { unit: 'user' },
        { x: 1 },
      ])
        expect(spec(() => parseSpec({ ...noisy, privacy: { mode: 'open', dp: { ...dp, ...bad } } }))).to.match(
          /privacy/,
        )
      expect(spec(() => parseSpec({ ...SPEC, privacy: { mode: 'masked', cohort: 3, range: 1, dp } }))).to.match(
        /privacy/,
      )
    })
  })
})
