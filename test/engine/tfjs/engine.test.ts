import { expect } from 'chai'
import { createLayout, initialAdapter } from '../../../src/adapter/layout.ts'
import { labelsOf } from '../../../src/engine/loop/batch.ts'
import { LocalInference } from '../../../src/engine/loop/inference.ts'
import { adapterSlots } from '../../../src/engine/loop/slots.ts'
import { createOnnxEngine } from '../../../src/engine/onnx/engine.ts'
import { createTfjsEngine } from '../../../src/engine/tfjs/engine.ts'
import { TfjsGradients } from '../../../src/engine/tfjs/gradients.ts'
import { TfjsRunner } from '../../../src/engine/tfjs/runner.ts'
import { type Backend, NATIVE_PACKAGE, openTf } from '../../../src/engine/tfjs/runtime.ts'
import { keepWeights, readWeights } from '../../../src/engine/tfjs/weights.ts'
import type { Trainable, TrainingEngine } from '../../../src/types/engine.ts'
import type { BaseModel } from '../../../src/types/model.ts'
import { distance, gradientProbe, livelyModel, randomBatch, randomVector } from '../../support/engine-fixtures.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'
import { probabilitiesBehavior } from '../distillation.behavior.ts'
import { inferenceEngineBehavior } from '../inference-engine.behavior.ts'
import { threadEngineBehavior } from '../thread-engine.behavior.ts'
import { trainingEngineBehavior } from '../training-engine.behavior.ts'

describe('TensorFlow.js engine: training', () => trainingEngineBehavior(createTfjsEngine))
describe('TensorFlow.js engine: inference', () => inferenceEngineBehavior(createTfjsEngine))
describe('TensorFlow.js engine: probabilities', () => probabilitiesBehavior(createTfjsEngine))
describe('TensorFlow.js engine: threads', () => threadEngineBehavior(createTfjsEngine))

describe('TensorFlow.js engine', () => {
  const model = livelyModel(tinyConfig)
  /** two float32 passes in another order of summation */
  const TOLERANCE = 1e-5

  const gradientOf = async (engine: TrainingEngine, trainable: Trainable, of = model) => {
    const trainer = await engine.openTrainer({ model: of, trainable, optimizer: gradientProbe, threads: 1, seed: 5 })
    try {
      if (trainable.kind === 'lora') trainer.setParameters(randomVector(trainer.size, 0.5))
      const { loss, gradNorm } = await trainer.step([randomBatch(tinyConfig), randomBatch(tinyConfig, 3, 2)], 0)
      return { loss, gradNorm, gradient: trainer.optimizerState().m, name: engine.name }
    } finally {
      await trainer.close()
    }
  }
  it('has no teacher when it trains', async () => {
    const options = { model, trainable: { kind: 'full' } as const, optimizer: gradientProbe, threads: 1, seed: 1 }
    const distillation = { temperature: 2, mix: 0.5 }
    await expectRejects(() => createTfjsEngine().openTrainer({ ...options, distillation }), 'E_ARGUMENT', /onnx/)
  })

  const dropped = createLayout(tinyConfig, { ...tinyLora, rsLora: true, dropout: 0.3 })
  const untied = livelyModel({ ...tinyConfig, tiedEmbeddings: false })
  const cases: readonly (readonly [string, Trainable, BaseModel?])[] = [
    ['all weights', { kind: 'full' }],
    ['all weights, a head of its own', { kind: 'full' }, untied],
    ['both factors, under the same dropout masks', { kind: 'lora', layout: dropped, factors: ['A', 'B'] }],
    [
      'one factor of one linear layer a block',
      {
        kind: 'lora',
        layout: createLayout(tinyConfig, { ...tinyLora, targets: ['down_proj'] }),
        factors: ['B'],
      },
    ],
  ]
  for (const [name, trainable, of] of cases) {
    it(`has the gradient of the ONNX engine: ${name}`, async () => {
      const [ours, onnx] = [
        await gradientOf(createTfjsEngine(), trainable, of),
        await gradientOf(createOnnxEngine(), trainable, of),
      ]
      expect(onnx.gradNorm).to.be.greaterThan(0.1)
      expect(ours.loss).to.be.closeTo(onnx.loss, TOLERANCE)
      expect(distance(ours.gradient, onnx.gradient)).to.be.below(TOLERANCE)
    })
  }

  it('computes the same with each backend, and says which computes', async () => {
    const trainable: Trainable = { kind: 'lora', layout: dropped, factors: ['B'] }
    const make = (backends: readonly Backend[]) => createTfjsEngine({ backends })
    expect(make(['cpu']).name).to.equal('tfjs')
    const plain = await gradientOf(make(['cpu']), trainable)
    const wasm = await gradientOf(make(['wasm', 'cpu']), trainable)
    expect([plain.name, wasm.name]).to.deep.equal(['tfjs (cpu)', 'tfjs (wasm)'])
    expect(distance(wasm.gradient, plain.gradient)).to.be.below(TOLERANCE)
  })

  it('keeps no tensors from step to step, nor from answers, whether they end or are left', async () => {
    const { tf } = await openTf(['cpu'])
    const layout = dropped
    const slots = adapterSlots(layout, ['A', 'B'])
    const theta = initialAdapter(layout).values
    const before = tf.memory().numTensors
    const frozen = keepWeights(tf, readWeights(model))
    const source = new TfjsGradients({ tf, config: tinyConfig, slots, layout, frozen, theta })
    const gradient = new Float32Array(theta.length)
    const batch = randomBatch(tinyConfig)
    const counts: number[] = []
    for (let step = 0; step < 3; step++) {
      const draw = { seed: 1, step, index: 0 }
      const labels = labelsOf(batch, tinyConfig)
      const shares = labels.weights.map((w) => w / batch.labelCount)
      await source.accumulate({ batch, labels, shares, draw, first: true }, gradient)
      counts.push(tf.memory().numTensors)
    }
    expect(new Set(counts).size, counts.join(' ')).to.equal(1)
    await source.close()
    expect(tf.memory().numTensors).to.equal(before)

    const runner = new TfjsRunner(tf, tinyConfig, layout, keepWeights(tf, readWeights(model)))
    const inference = new LocalInference(runner, tinyConfig)
    const idle = tf.memory().numTensors
    inference.setAdapter(randomVector(layout.size, 0.3))
    await inference.score(batch)
    const options = { maxTokens: 6, temperature: 0, topP: 1, seed: 1, stopIds: [2, 5, 7] }
    const whole = inference.begin([[5], [6, 7], [8]], options)
    const left = inference.begin([[5], [6, 7]], { ...options, stopIds: [] })
    for (let i = 0; i < 3; i++) await inference.next(left)
    inference.setAdapter(null)
    while ((await inference.next(whole)).length > 0);
    inference.end(whole)
    inference.end(left)
    expect(tf.memory().numTensors).to.equal(idle)
    await inference.close()
    expect(tf.memory().numTensors).to.equal(before)
  })

  it('refuses what it cannot compute', async () => {
    const layout = createLayout(tinyConfig, tinyLora)
    const trainable: Trainable = { kind: 'lora', layout, factors: ['B'] }
    const options = { model, trainable, optimizer: gradientProbe, threads: 1, seed: 1 }
    const engine = createTfjsEngine()
    await expectRejects(() => engine.openTrainer({ ...options, precision: 'int8' }), 'E_ARGUMENT', /fp32/)
    const rounded = createTfjsEngine({ precision: 'int8' })
    await expectRejects(() => rounded.openTrainer(options), 'E_ARGUMENT', /precision int8.*fp32 only/)
    const qwen = { ...model, config: { ...tinyConfig, architecture: 'Qwen3ForCausalLM', qkNorm: true } }
    for (const open of [
      () => engine.openTrainer({ ...options, model: qwen }),
      () => engine.openInference({ model: qwen, layout: null, threads: 1 }),
    ]) {
      await expectRejects(open, 'E_MODEL_ARCHITECTURE', /plain Llama shape.*Qwen3ForCausalLM with qkNorm/)
    }
    // kinds and methods of adapters that the other engine may know
    const foreign = { kind: 'adapter', layout: { ...layout, method: 'ia3' } } as never as {
      layout: typeof layout
    } & Trainable
    await expectRejects(() => engine.openTrainer({ ...options, trainable: foreign }), 'E_ADAPTER', /LoRA/)
    await expectRejects(
      () => engine.openInference({ model, layout: foreign.layout, threads: 1 }),
      'E_ADAPTER',
      /method is ia3.*engine onnx/,
    )
    await expectRejects(() => createTfjsEngine({ backends: [] }).openTrainer(options), 'E_ENGINE', /backend/)
  })

  const opened = (backends: readonly Backend[]) =>
    createTfjsEngine({ backends }).openInference({ model, layout: null, threads: 1 })

  it('falls back from a backend that is not there, and says why when none is left', async () => {
    const absent = 'absent' as Backend
    await expectRejects(() => opened([absent]), 'E_ENGINE', /absent: /)
    const inference = await opened([absent, 'cpu'])
    expect((await inference.evaluate([randomBatch(tinyConfig)])).loss).to.be.greaterThan(0)
    await inference.close()
  })

  it("computes with TensorFlow's own package where it is installed, and names it where it is not", async () => {
    if (!isInstalled(NATIVE_PACKAGE)) return expectRejects(() => opened(['node']), 'E_ENGINE', /node: .*tfjs-node/)
    const inference = await opened(['node'])
    expect((await inference.evaluate([randomBatch(tinyConfig)])).loss).to.be.greaterThan(0)
    await inference.close()
  })
})

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name)
    return true
  } catch {
    return false
  }
}
