/** What every engine does that has a teacher: its probabilities, and learning from them. */
import { expect } from 'chai'
import { createLayout } from '../../src/adapter/layout.ts'
import { labelsOf, totalWeight } from '../../src/engine/loop/batch.ts'
import { softLabels } from '../../src/engine/loop/soft-labels.ts'
import type { PackedBatch } from '../../src/types/data.ts'
import type { Distillation, Inference, InferenceEngine, Trainable, TrainingEngine } from '../../src/types/engine.ts'
import {
  distance,
  gradientProbe,
  livelyModel,
  randomBatch,
  randomVector,
  taught,
  weighted,
} from '../support/engine-fixtures.ts'
import { expectRejects } from '../support/expect-error.ts'
import { mixedLoss, softPlace } from '../support/mixed-loss.ts'
import { tinyConfig, tinyLora } from '../support/tiny-config.ts'

const layout = createLayout(tinyConfig, tinyLora)
const both: Trainable = { kind: 'lora', layout, factors: ['A', 'B'] }
const VOCABULARY = tinyConfig.vocabSize
/** float32 forward passes against float64 sums */
const ROUNDING = 2e-5

export function probabilitiesBehavior(makeEngine: () => InferenceEngine): void {
  const model = livelyModel(tinyConfig)
  const using = async <T>(work: (i: Inference) => Promise<T>): Promise<T> => {
    const inference = await makeEngine().openInference({ model, layout, threads: 1 })
    try {
      inference.setAdapter(randomVector(layout.size, 0.3))
      return await work(inference)
    } finally {
      await inference.close()
    }
  }

  it('gives the probabilities that its loss is made of, flatter at a higher temperature', () =>
    using(async (i) => {
      const batch = randomBatch(tinyConfig)
      const { loss, labels } = await i.evaluate([batch])
      const rows = async (temperature: number): Promise<Float32Array[]> => {
        const all = await i.probabilities(batch, temperature)
        expect(all).to.have.length(labels * VOCABULARY)
        return Array.from({ length: labels }, (_, k) => all.subarray(k * VOCABULARY, (k + 1) * VOCABULARY))
      }
      const [plain, warm] = [await rows(1), await rows(2)]
      const { ids } = labelsOf(batch, tinyConfig)
      const nll = plain.reduce((n, row, k) => n - Math.log(row[ids[k] as number] as number), 0)
      expect(nll / labels).to.be.closeTo(loss, ROUNDING)
      for (const [k, row] of plain.entries()) {
        const roots = row.map(Math.sqrt)
        const sum = roots.reduce((n, x) => n + x, 0)
        expect(
          distance(
            roots.map((x) => x / sum),
            warm[k] as Float32Array,
          ),
        ).to.be.below(ROUNDING)
      }
    }))

  it('refuses a temperature that is none, and stops when told so', () =>
    using(async (i) => {
      await expectRejects(() => i.probabilities(randomBatch(tinyConfig), 0), 'E_ARGUMENT', /temperature/)
      await expectRejects(() => i.probabilities(randomBatch(tinyConfig), 1, AbortSignal.abort()), 'E_ABORTED')
    }))
}

export function distillationBehavior(makeEngine: () => TrainingEngine & InferenceEngine): void {
  const model = livelyModel(tinyConfig)
  const at = randomVector(layout.size, 0.3)
  const batch = weighted(randomBatch(tinyConfig))
  const gradientOf = async (batches: readonly PackedBatch[], distillation?: Distillation) => {
    const options = { model, trainable: both, optimizer: gradientProbe, threads: 1, seed: 1 }
    const trainer = await makeEngine().openTrainer(distillation ? { ...options, distillation } : options)
    try {
      trainer.setParameters(at)
      const { loss } = await trainer.step(batches, 0)
      return { loss, gradient: trainer.optimizerState().m }
    } finally {
      await trainer.close()
    }
  }
  const probabilitiesAt = async (temperature: number): Promise<Float32Array> => {
    const inference = await makeEngine().openInference({ model, layout, threads: 1 })
    try {
      inference.setAdapter(at)
      return await inference.probabilities(batch, temperature)
    } finally {
      await inference.close()
    }
  }

  it('is the loss of its definition, label by label', async () => {
    const logits = (await probabilitiesAt(1)).map(Math.log)
    for (const [temperature, mix, width] of [
      [1, 0.5, 4],
      [2, 0.3, 1],
      [4, 1, VOCABULARY],
    ] as const) {
      const own = taught(batch, VOCABULARY, width)
      const labels = labelsOf(own, tinyConfig)
      const expected = [...labels.ids].reduce((sum, id, i) => {
        const row = logits.subarray(i * VOCABULARY, (i + 1) * VOCABULARY)
        const { loss } = mixedLoss(row, id, softPlace(labels.soft, i), { temperature, mix })
        return sum + ((labels.weights[i] as number) / totalWeight(labels)) * loss
      }, 0)
      const { loss } = await gradientOf([own], { temperature, mix })
      expect(loss).to.be.closeTo(expected, ROUNDING * Math.max(1, expected))
    }
  })

  it('without a share of the teacher is ordinary training', async () => {
    const plain = await gradientOf([batch])
    const mixed = await gradientOf([taught(batch, VOCABULARY, 4)], { temperature: 1, mix: 0 })
    expect(mixed.loss).to.be.closeTo(plain.loss, 1e-6)
    expect(distance(mixed.gradient, plain.gradient)).to.be.below(1e-6)
  })

  it('teaches nothing to a student that is its own teacher, however few tokens are told', async () => {
    for (const [temperature, width] of [
      [1, VOCABULARY],
      [2, 6],
      [3, 1],
    ] as const) {
      const soft = softLabels(await probabilitiesAt(temperature), VOCABULARY, width)
      const { loss, gradient } = await gradientOf([{ ...batch, soft }], { temperature, mix: 1 })
      expect(Math.abs(loss)).to.be.below(1e-5)
      expect(distance(gradient, new Float32Array(gradient.length))).to.be.below(1e-5)
    }
  })

  it('takes its labels from several batches, and leaves out those of weight 0', async () => {
    const distillation = { temperature: 2, mix: 0.5 }
    const second = randomBatch(tinyConfig, 3, 7)
    const weights = second.labels.map((_, i) => i % 2)
    const quiet: PackedBatch = { ...taught(second, VOCABULARY, 5, 2), weights: Float32Array.from(weights) }
    const first = taught(batch, VOCABULARY, 4)
    const together = await gradientOf([first, quiet], distillation)
    const [a, b] = [await gradientOf([first], distillation), await gradientOf([quiet], distillation)]
    const [wa, wb] = [first, quiet].map((x) => totalWeight(labelsOf(x, tinyConfig))) as [number, number]
    expect(together.loss).to.be.closeTo((wa * a.loss + wb * b.loss) / (wa + wb), 1e-5)
    const mean = a.gradient.map((x, i) => (wa * x + wb * (b.gradient[i] as number)) / (wa + wb))
    expect(distance(together.gradient, mean)).to.be.below(1e-5)
  })

  it('refuses batches without soft labels, soft labels without a teacher, and some that are none', async () => {
    const distillation = { temperature: 2, mix: 0.5 }
    const own = taught(batch, VOCABULARY, 4)
    await expectRejects(() => gradientOf([batch], distillation), 'E_ARGUMENT', /soft labels/)
    await expectRejects(() => gradientOf([own]), 'E_ARGUMENT', /soft labels/)
    const soft = { ...own.soft, ids: own.soft?.ids.map(() => VOCABULARY) } as NonNullable<PackedBatch['soft']>
    await expectRejects(() => gradientOf([{ ...own, soft }], distillation), 'E_ARGUMENT', /token/)
  })
}
