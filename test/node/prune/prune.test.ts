import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { chooseLayers } from '../../../node/prune/choose-layers.ts'
import type { MeasureSettings } from '../../../node/prune/measure.ts'
import { type Cut, type PruneOptions, type PruneStage, pruneFolder } from '../../../node/prune/prune-folder.ts'
import type { RecoveryPlan } from '../../../node/prune/recover.ts'
import { linearNames } from '../../../src/adapter/layout.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { packForEvaluation } from '../../../src/data/batches.ts'
import { createOnnxEngine } from '../../../src/engine/onnx/engine.ts'
import { dropLayers } from '../../../src/model/derive/prune-layers.ts'
import { countWeights, pruneWeights } from '../../../src/model/derive/prune-weights.ts'
import { loadModel } from '../../../src/model/folder/load.ts'
import { livelyModel, randomExamples } from '../../support/engine-fixtures.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { useTempFolders } from '../../support/temp-folder.ts'
import { tinyConfig } from '../../support/tiny-config.ts'
import { writeTinyModel } from '../../support/tiny-folder.ts'

const engine = createOnnxEngine()
const signal = new AbortController().signal
const settings: MeasureSettings = {
  engine,
  examples: randomExamples(tinyConfig, 12, 3),
  maxTokens: 12,
  threads: 1,
  signal,
}

describe('choosing layers', () => {
  const deep = livelyModel({ ...tinyConfig, layers: 4 })

  it('takes the least loss each time, measured without those that are gone, and tells how far it is', async () => {
    const lossWithout = async (layers: readonly number[]): Promise<number> => {
      const inference = await engine.openInference({ model: dropLayers(deep, layers), layout: null, threads: 1 })
      const { loss } = await inference.evaluate(packForEvaluation(settings.examples, settings.maxTokens))
      await inference.close()
      return loss
    }
    const expected: { layer: number; loss: number }[] = []
    for (const _ of [1, 2]) {
      const before = expected.map((g) => g.layer)
      const tried: { layer: number; loss: number }[] = []
      for (const layer of [0, 1, 2, 3].filter((l) => !before.includes(l)))
        tried.push({ layer, loss: await lossWithout([...before, layer]) })
      expected.push(tried.toSorted((a, b) => a.loss - b.loss)[0] as { layer: number; loss: number })
    }
    const told: (readonly [number, number])[] = []
    const gone = await chooseLayers(deep, 2, settings, (done, total) => told.push([done, total]))
    expect(gone).to.deep.equal(expected)
    expect(told).to.deep.equal(Array.from({ length: 7 }, (_, i) => [i, 7]))
  })

  it('refuses to keep none or all, and to guess without examples', async () => {
    for (const keep of [0, 4, 1.5])
      await expectRejects(() => chooseLayers(deep, keep, settings, () => {}), 'E_ARGUMENT', /1 to 3/)
    await expectRejects(() => chooseLayers(deep, 2, { ...settings, examples: [] }, () => {}), 'E_DATA_EMPTY', /--data/)
  })
})

describe('pruning a folder', () => {
  const tempFolder = useTempFolders()
  const training = {
    steps: 6,
    batchExamples: 4,
    maxTokens: 12,
    learningRate: 0.01,
    warmupSteps: 2,
    schedule: 'cosine' as const,
    weightDecay: 0,
    clipNorm: 1,
  }
  const recoveryWith = (method: 'lora' | 'full', rounds: number): RecoveryPlan => ({
    examples: randomExamples(tinyConfig, 24, 5),
    training,
    rounds,
    method: ({ config }) =>
      method === 'full'
        ? { method }
        : { method, lora: { rank: 2, alpha: 4, rsLora: false, dropout: 0, targets: linearNames(config), seed: 1 } },
    factors: ['A', 'B'],
    threads: 1,
    seed: 1,
  })
  const run = async (cut: Cut, recovery: RecoveryPlan | null, more: Partial<PruneOptions> = {}) => {
    const dir = await tempFolder()
    const from = await writeTinyModel(join(dir, 'm'), { ...tinyConfig, layers: 3 })
    const model = await loadModel(from)
    const stages: PruneStage[] = []
    const options: PruneOptions = {
      model,
      from,
      out: join(dir, 'out'),
      dtype: 'F32',
      cut,
      recovery,
      test: settings.examples,
      maxTokens: 12,
      threads: 1,
      engine,
      clock: systemClock,
      signal,
      onStage: (stage) => stages.push(stage),
      ...more,
    }
    return { dir, model, options, stages, result: await pruneFolder(options) }
  }

  for (const method of ['lora', 'full'] as const) {
    it(`keeps every zero through training with ${method}, and moves the rest`, async () => {
      const { model, options, result, stages } = await run({ kind: 'weights', sparsity: 0.5 }, recoveryWith(method, 3))
      const pruned = pruneWeights(model, 0.5)
      const written = await loadModel(options.out)
      let moved = 0
      for (const name of pruned.tensorNames) {
        const [was, is] = [pruned.tensor(name), written.tensor(name)]
        // a matrix in a block
        const masked = /\.\d+\..*proj\.weight$/.test(name)
        for (const [i, x] of is.entries()) {
          if (masked && was[i] === 0) expect(x, `${name} ${i}`).to.equal(0)
          else if (x !== was[i]) moved++
        }
      }
      expect(moved).to.be.greaterThan(0)
      expect(result.pruned.nonZero).to.equal(countWeights(pruned).nonZero)
      expect(result.recovered?.nonZero).to.equal(countWeights(written).nonZero)
      expect(result.before.parameters).to.equal(result.recovered?.parameters)
      expect(result.digest).to.equal(written.digest)
      expect(result.trainingSteps).to.equal(6)
      expect(result.unmaskedLoss).to.be.a('number')
      expect(result.recovered?.quality?.loss).to.be.a('number')
      expect(result.recovered?.quality?.writeTokensPerSecond).to.be.greaterThan(0)
      const steps = stages.flatMap((s) => (s.stage === 'training' ? [s.progress.step] : []))
      expect(steps).to.deep.equal([1, 2, 3, 4, 5, 6])
    })
  }

  it('writes the layers that stay, trains them, and takes the tokenizer along', async () => {
    const { model, options, result } = await run({ kind: 'layers', dropped: [1] }, recoveryWith('lora', 4))
    const written = await loadModel(options.out)
    expect(written.config).to.deep.equal({ ...model.config, layers: 2 })
    expect([result.layersBefore, result.layersAfter, result.unmaskedLoss]).to.deep.equal([3, 2, null])
    expect(result.dropped).to.deep.equal([{ layer: 1 }])
    expect(result.bytesAfter).to.be.below(result.bytesBefore)
    expect(result.pruned.parameters).to.equal(countWeights(written).parameters)
    const file = 'tokenizer.json'
    expect(await readFile(join(options.out, file), 'utf8')).to.equal(await readFile(join(options.from, file), 'utf8'))
  })

  it('without data writes what was cut, to the bit, and measures nothing', async () => {
    const { model, options, result } = await run({ kind: 'layers', dropped: [0, 2] }, null, { test: [] })
    const written = await loadModel(options.out)
    const expected = dropLayers(model, [0, 2])
    for (const name of expected.tensorNames) expect(written.tensor(name)).to.deep.equal(expected.tensor(name))
    expect([result.before.quality, result.recovered, result.trainingSteps]).to.deep.equal([null, null, 0])
  })

  it('chooses layers on the calibration examples and says what each cost', async () => {
    const cut: Cut = { kind: 'depth', layers: 2, calibration: settings.examples }
    const { result, stages } = await run(cut, null)
    expect(result.layersAfter).to.equal(2)
    expect(result.dropped[0]?.loss).to.be.closeTo(result.pruned.quality?.loss as number, 1e-6)
    expect(stages.filter((s) => s.stage === 'choosing')).to.have.length(3)
  })

  it('leaves nothing when it is stopped, and refuses what is there', async () => {
    const abort = new AbortController()
    const onStage = (s: PruneStage): void => {
      if (s.stage === 'training' && s.progress.step === 2) abort.abort()
    }
    const { dir, options } = await run({ kind: 'weights', sparsity: 0.3 }, null)
    const again = { ...options, recovery: recoveryWith('lora', 2) }
    await expectRejects(() => pruneFolder(again), 'E_ARGUMENT', /is there already/)
    const stopped = { ...again, out: join(dir, 'stopped'), signal: abort.signal, onStage }
    await expectRejects(() => pruneFolder(stopped), 'E_ABORTED')
    expect((await readdir(dir)).toSorted()).to.deep.equal(['m', 'out'])
  })
})
