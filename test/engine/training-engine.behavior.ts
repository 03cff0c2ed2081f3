/** What every TrainingEngine does, whatever computes. */
import { expect } from 'chai'
import { createLayout, initialAdapter } from '../../src/adapter/layout.ts'
import { packExamples } from '../../src/data/pack.ts'
import { IGNORE_LABEL, type PackedBatch } from '../../src/types/data.ts'
import type { OptimizerConfig, Trainable, Trainer, TrainingEngine } from '../../src/types/engine.ts'
import {
  adam,
  distance,
  gradientProbe,
  livelyModel,
  randomBatch,
  randomExamples,
  randomVector,
  weighted,
} from '../support/engine-fixtures.ts'
import { expectRejects } from '../support/expect-error.ts'
import { tinyConfig, tinyLora } from '../support/tiny-config.ts'

const layout = createLayout(tinyConfig, tinyLora)
const both: Trainable = { kind: 'lora', layout, factors: ['A', 'B'] }
const onlyB: Trainable = { kind: 'lora', layout, factors: ['B'] }
const batch = randomBatch(tinyConfig)

/** sums over a batch in another order */
const REORDERED = 1e-5

export function trainingEngineBehavior(makeEngine: () => TrainingEngine): void {
  const model = livelyModel(tinyConfig)
  const using = async <T>(
    trainable: Trainable,
    work: (t: Trainer) => Promise<T>,
    optimizer: OptimizerConfig = adam,
  ): Promise<T> => {
    const trainer = await makeEngine().openTrainer({ model, trainable, optimizer, threads: 1, seed: 1 })
    try {
      if (trainable.kind === 'lora') trainer.setParameters(initialAdapter(layout).values)
      return await work(trainer)
    } finally {
      await trainer.close()
    }
  }
  const steps = async (t: Trainer, count: number, from = 0): Promise<number> => {
    let loss = 0
    for (let i = from; i < from + count; i++) loss = (await t.step([randomBatch(tinyConfig, 5, i)], 0.01)).loss
    return loss
  }

  it('knows its size and gives copies of its parameters', () =>
    using(both, async (t) => {
      expect(t.size).to.equal(layout.size)
      const values = randomVector(layout.size, 1)
      t.setParameters(values)
      const copy = t.parameters()
      expect(copy).to.deep.equal(values)
      copy.fill(7)
      expect(t.parameters()).to.deep.equal(values)
    }))

  it('trains the first of the rank’s directions alone; the others take part and stay', async () => {
    const directions = 2
    const values = randomVector(layout.size, 3)
    const options = { ...adam, clipNorm: 0 }
    const after = async (trainable: Trainable): Promise<Float32Array> =>
      using(
        trainable,
        async (t) => {
          t.setParameters(values)
          await t.step([batch], 0.01)
          return t.parameters()
        },
        options,
      )
    const all = await after(both)
    const some = await after({ kind: 'lora', layout, factors: ['A', 'B'], directions })
    const inDirections = new Uint8Array(layout.size)
    for (const { factor, offset, shape } of layout.entries)
      for (let i = 0; i < shape[0] * shape[1]; i++)
        inDirections[offset + i] = Number((factor === 'A' ? Math.floor(i / shape[1]) : i % shape[1]) < directions)
    expect(inDirections.includes(0) && inDirections.includes(1)).to.equal(true)
    expect(some).to.deep.equal(all.map((x, i) => (inDirections[i] === 1 ? x : values[i]!)))
  })

  it('learns a small batch by heart', () =>
    using(both, async (t) => {
      const first = await t.step([batch], 0.03)
      let last = first
      for (let i = 0; i < 80; i++) last = await t.step([batch], 0.03)
      expect(last.loss).to.be.below(first.loss / 4)
    }))

  it('tells loss, norm, labels and tokens of a step', () =>
    using(both, async (t) => {
      const result = await t.step([batch, batch], 0)
      expect(result.labels).to.equal(2 * batch.labelCount)
      expect(result.tokens).to.equal(2 * batch.rows * batch.length)
      expect(result.loss).to.be.greaterThan(0)
      expect(result.gradNorm).to.be.greaterThan(0)
    }))

  it('leaves frozen factors alone to the bit', () =>
    using(onlyB, async (t) => {
      const before = t.parameters()
      await steps(t, 3)
      const after = t.parameters()
      for (const e of layout.entries) {
        const end = e.offset + e.shape[0] * e.shape[1]
        const moved = distance(before.subarray(e.offset, end), after.subarray(e.offset, end))
        if (e.factor === 'A') expect(moved, e.name).to.equal(0)
      }
      expect(distance(before, after)).to.be.greaterThan(0)
    }))

  it('starts from the weights of the model when all of them are trained', () =>
    using({ kind: 'full' }, async (t) => {
      const weights = model.tensorNames.flatMap((n) => [...model.tensor(n)])
      expect(t.parameters()).to.deep.equal(Float32Array.from(weights))
      const first = await t.step([batch], 0.01)
      for (let i = 0; i < 20; i++) await t.step([batch], 0.01)
      expect((await t.step([batch], 0)).loss).to.be.below(first.loss)
    }))

  it('makes of several batches the gradient of one large batch', async () => {
    const examples = randomExamples(tinyConfig, 6)
    const whole = [packExamples(examples, 12)]
    const parts = [packExamples(examples.slice(0, 2), 7), packExamples(examples.slice(2), 16)]
    const run = (batches: readonly PackedBatch[]) =>
      using(both, async (t) => {
        t.setParameters(randomVector(layout.size, 0.3))
        const result = await t.step(batches, 0.01)
        return { ...result, moments: t.optimizerState().m }
      })
    const [one, several] = [await run(whole), await run(parts)]
    expect(several.loss).to.be.closeTo(one.loss, REORDERED)
    expect(several.gradNorm).to.be.closeTo(one.gradNorm, REORDERED * Math.max(1, one.gradNorm))
    expect(distance(several.moments, one.moments)).to.be.below(REORDERED)
  })

  /** with an optimizer whose first moment is the gradient itself */
  const gradientOf = (batches: readonly PackedBatch[]) =>
    using(
      both,
      async (t) => {
        t.setParameters(randomVector(layout.size, 0.3))
        const result = await t.step(batches, 0)
        return { ...result, m: t.optimizerState().m }
      },
      gradientProbe,
    )

  it('counts each label by its weight over all batches of a step', async () => {
    const [first, second] = [weighted(randomBatch(tinyConfig, 4, 3), 3), randomBatch(tinyConfig, 3, 4)]
    const sumOf = ({ labels, weights }: PackedBatch): number =>
      labels.reduce((n, label, i) => n + (label === IGNORE_LABEL ? 0 : (weights?.[i] ?? 1)), 0)
    const [a, b] = [await gradientOf([first]), await gradientOf([second])]
    const [wa, wb] = [sumOf(first), sumOf(second)]
    const together = await gradientOf([first, second])
    expect(together.loss).to.be.closeTo((wa * a.loss + wb * b.loss) / (wa + wb), REORDERED)
    const mean = a.m.map((x, i) => (wa * x + wb * (b.m[i] as number)) / (wa + wb))
    expect(distance(together.m, mean)).to.be.below(REORDERED)
    expect(
      (await gradientOf([{ ...first, weights: new Float32Array(first.labels.length).fill(1) }])).loss,
    ).to.not.equal(a.loss)
  })

  it('is held to the parameters that were set last by the proximal term, and tells the loss without it', async () => {
    const proximal = 0.7
    const moved = (optimizer: OptimizerConfig) =>
      using(
        both,
        async (t) => {
          t.setParameters(randomVector(layout.size, 0.3))
          const start = t.parameters()
          await t.step([batch], 0.1)
          const away = t.parameters()
          const { loss, gradNorm } = await t.step([batch], 0)
          return { start, away, loss, gradNorm, m: t.optimizerState().m }
        },
        optimizer,
      )
    const plain = await moved(gradientProbe)
    const held = await moved({ ...gradientProbe, proximal })
    // where it begins the term is nothing
    expect(held.away).to.deep.equal(plain.away)
    expect(held.loss).to.equal(plain.loss)
    const want = plain.m.map((x, i) => x + proximal * ((plain.away[i] as number) - (plain.start[i] as number)))
    expect(distance(held.m, want)).to.be.below(1e-6)
    expect(distance(held.m, plain.m)).to.be.above(1e-4)
    expect(held.gradNorm).to.not.equal(plain.gradNorm)
  })

  it('does not see a label of weight 0, and only proportions matter', async () => {
    const plain = await gradientOf([batch])
    const twice = await gradientOf([{ ...batch, weights: new Float32Array(batch.labels.length).fill(2) }])
    expect(twice.loss).to.be.closeTo(plain.loss, REORDERED)
    expect(distance(twice.m, plain.m)).to.be.below(REORDERED)
    expect(twice.labels).to.equal(plain.labels)
    const last = batch.labels.findLastIndex((label) => label !== IGNORE_LABEL)
    const weights = new Float32Array(batch.labels.length).fill(1)
    weights[last] = 0
    const none = { ...batch, labels: batch.labels.map((l, i) => (i === last ? IGNORE_LABEL : l)) }
    const [silent, absent] = [await gradientOf([{ ...batch, weights }]), await gradientOf([none])]
    expect(silent.loss).to.equal(absent.loss)
    expect(silent.m).to.deep.equal(absent.m)
    expect(silent.labels).to.equal(batch.labelCount - 1)
    expect(silent.loss).to.not.equal(plain.loss)
  })

  it('keeps attention inside an example: packing changes nothing', async () => {
    const examples = randomExamples(tinyConfig, 4, 9)
    const gradient = (length: number) =>
      using(both, async (t) => {
        t.setParameters(randomVector(layout.size, 0.3))
        const { loss } = await t.step([packExamples(examples, length)], 0)
        return { loss, m: t.optimizerState().m }
      })
    const [packed, alone] = [await gradient(28), await gradient(7)]
    expect(packed.loss).to.be.closeTo(alone.loss, REORDERED)
    expect(distance(packed.m, alone.m)).to.be.below(REORDERED)
  })

  it('goes on after a restart as if there had been none, to the bit', async () => {
    const straight = await using(both, async (t) => {
      await steps(t, 6)
      return t.parameters()
    })
    const saved = await using(both, async (t) => {
      await steps(t, 3)
      return { parameters: t.parameters(), state: t.optimizerState() }
    })
    expect(saved.state.step).to.equal(3)
    const resumed = await using(both, async (t) => {
      t.setParameters(saved.parameters)
      t.restoreOptimizer(saved.state)
      await steps(t, 3, 3)
      return t.parameters()
    })
    expect(resumed).to.deep.equal(straight)
  })

  it('forgets the optimizer when parameters are set', () =>
    using(both, async (t) => {
      await steps(t, 2)
      t.setParameters(initialAdapter(layout).values)
      const { step, m, v } = t.optimizerState()
      expect([step, Math.max(...m), Math.max(...v)]).to.deep.equal([0, 0, 0])
    }))

  it('clips the gradient to the norm asked for', async () => {
    const clip = 1e-3
    const probe = { beta1: 0, beta2: 0, epsilon: 1, weightDecay: 0, clipNorm: clip }
    await using(
      both,
      async (t) => {
        const { gradNorm } = await t.step([batch], 0)
        expect(gradNorm).to.be.greaterThan(clip)
        const norm = Math.sqrt(t.optimizerState().m.reduce((n, x) => n + x * x, 0))
        expect(norm).to.be.closeTo(clip, 1e-3 * clip)
      },
      probe,
    )
  })

  it('refuses to diverge: E_DIVERGED, and parameters and moments as they were', () =>
    using(both, async (t) => {
      const values = randomVector(layout.size, 0.3)
      values.fill(Number.NaN)
      t.setParameters(values)
      await expectRejects(() => t.step([batch], 0.01), 'E_DIVERGED', /learning rate/)
      expect(t.parameters().every(Number.isNaN)).to.equal(true)
      expect(t.optimizerState().step).to.equal(0)
      t.setParameters(initialAdapter(layout).values)
      expect((await t.step([batch], 0.01)).loss).to.be.greaterThan(0)
    }))

  it('ends an aborted step with E_ABORTED, and goes on as if it had never been asked for', async () => {
    const large = Array.from({ length: 64 }, (_, i) => randomBatch(tinyConfig, 60, i, 48))
    /** @param disturb between two steps */
    const run = (disturb: (t: Trainer) => Promise<void>) =>
      using(both, async (t) => {
        await steps(t, 2)
        await disturb(t)
        const loss = await steps(t, 2, 2)
        return { loss, parameters: t.parameters(), state: t.optimizerState() }
      })
    const expected = await run(async () => {})
    const unchanged = async (t: Trainer, work: () => Promise<unknown>): Promise<void> => {
      const before = { parameters: t.parameters(), state: t.optimizerState() }
      await expectRejects(work, 'E_ABORTED')
      expect({ parameters: t.parameters(), state: t.optimizerState() }).to.deep.equal(before)
    }
    const before = await run((t) => unchanged(t, () => t.step([batch], 0.5, AbortSignal.abort())))
    expect(before, 'aborted before it begins').to.deep.equal(expected)
    const inside = await run((t) =>
      unchanged(t, () => {
        const abort = new AbortController()
        const running = t.step(large, 0.5, abort.signal)
        setTimeout(() => abort.abort(), 1)
        return running
      }),
    )
    expect(inside, 'aborted between its parts').to.deep.equal(expected)
  })

  it('refuses what does not fit', () =>
    using(both, async (t) => {
      await expectRejects(() => t.setParameters(new Float32Array(3)), 'E_ADAPTER', /3/)
      await expectRejects(
        () => t.restoreOptimizer({ step: 1, m: new Float32Array(1), v: new Float32Array(1) }),
        'E_ADAPTER',
      )
      await expectRejects(() => t.step([], 0.1), 'E_ARGUMENT', /label/)
      await expectRejects(() => t.step([batch], Number.NaN), 'E_ARGUMENT', /learningRate/)
      const weights = (value: number): PackedBatch => ({
        ...batch,
        weights: new Float32Array(batch.labels.length).fill(value),
      })
      await expectRejects(() => t.step([weights(0)], 0.1), 'E_ARGUMENT', /weight above 0/)
      await expectRejects(() => t.step([weights(-1)], 0.1), 'E_ARGUMENT', /weight -1/)
      await expectRejects(() => t.step([{ ...batch, weights: new Float32Array(1) }], 0.1), 'E_ARGUMENT', /weights/)
      const foreign = { ...batch, ids: batch.ids.map(() => tinyConfig.vocabSize) }
      await expectRejects(() => t.step([foreign], 0.1), 'E_ARGUMENT', /vocabulary/)
      const far = { ...batch, positions: batch.positions.map(() => tinyConfig.maxPositions) }
      await expectRejects(() => t.step([far], 0.1), 'E_ARGUMENT', /position/)
      await expectRejects(() => t.step([{ ...batch, rows: batch.rows + 1 }], 0.1), 'E_ARGUMENT')
    }))

  it('refuses to train nothing', async () => {
    await expectRejects(() => using({ kind: 'lora', layout, factors: [] }, async () => {}), 'E_ADAPTER', /factors/)
  })
}
