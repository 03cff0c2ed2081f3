/** Steps for privacy by example, held against the slow way: one example a step, clipped in float64, added up. */
import { expect } from 'chai'
import { createLayout } from '../../src/adapter/layout.ts'
import { packExamples, packTightly } from '../../src/data/pack.ts'
import type { LoraFactor } from '../../src/types/adapter.ts'
import type { PackedBatch, TokenizedExample } from '../../src/types/data.ts'
import type { PerExample, StepNoise, Trainer, TrainingEngine } from '../../src/types/engine.ts'
import { distance, gradientProbe, livelyModel, randomExamples, randomVector } from '../support/engine-fixtures.ts'
import { expectRejects } from '../support/expect-error.ts'
import { tinyConfig, tinyLora } from '../support/tiny-config.ts'

const layout = createLayout(tinyConfig, tinyLora)
const theta = randomVector(layout.size, 0.3)
/** of float32, over products of some hundred places */
const ROUNDED = 2e-5
/** a grid so fine that rounding to it is not seen */
const FINE = 2 ** -24

export function perExampleBehavior(makeEngine: () => TrainingEngine): void {
  const model = livelyModel(tinyConfig)
  const using = async <T>(
    factors: readonly LoraFactor[],
    perExample: PerExample | null,
    work: (t: Trainer) => Promise<T>,
  ): Promise<T> => {
    const trainable = { kind: 'lora', layout, factors } as const
    const options = { model, trainable, optimizer: gradientProbe, threads: 1, seed: 1 }
    const trainer = await makeEngine().openTrainer(perExample === null ? options : { ...options, perExample })
    try {
      trainer.setParameters(theta)
      return await work(trainer)
    } finally {
      await trainer.close()
    }
  }
  const sizeOf = (factors: readonly LoraFactor[]): number =>
    layout.entries.reduce((n, e) => n + (factors.includes(e.factor) ? e.shape[0] * e.shape[1] : 0), 0)
  const silence = (factors: readonly LoraFactor[], step = FINE): StepNoise => ({
    step,
    values: new Int32Array(sizeOf(factors)),
  })

  /** gradient and loss of each example by itself */
  const alone = (factors: readonly LoraFactor[], examples: readonly TokenizedExample[]) =>
    using(factors, null, async (t) => {
      const out: { gradient: Float32Array; loss: number }[] = []
      for (const example of examples) {
        t.setParameters(theta)
        const { loss } = await t.step([packExamples([example], example.ids.length)], 0)
        out.push({ gradient: t.optimizerState().m, loss })
      }
      return out
    })
  const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0))

  const together = (
    factors: readonly LoraFactor[],
    perExample: PerExample,
    batches: readonly PackedBatch[],
    noise = silence(factors),
  ) =>
    using(factors, perExample, async (t) => {
      const result = await t.step(batches, 0, undefined, noise)
      return { ...result, gradient: t.optimizerState().m }
    })

  for (const factors of [['B'], ['A'], ['A', 'B']] as const) {
    it(`clips each example by itself, whoever shares its row: ${factors.join(' and ')}`, async () => {
      const examples = randomExamples(tinyConfig, 9, 3)
      const each = await alone(factors, examples)
      const norms = each.map(({ gradient }) => norm(gradient)).sort((a, b) => a - b)
      // some are clipped, some are not
      const clip = norms[4] as number
      const expected = new Float32Array(layout.size)
      for (const { gradient } of each) {
        const share = Math.min(1, clip / norm(gradient))
        gradient.forEach((x, i) => {
          expected[i]! += (x * share) / 7
        })
      }
      const layouts = {
        'one a row': [packExamples(examples, 7)],
        'several a row': [packExamples(examples, 20)],
        'as training packs them': [packTightly(examples)],
        'in parts': [packExamples(examples.slice(0, 4), 12), packExamples(examples.slice(4), 9)],
      }
      for (const [name, batches] of Object.entries(layouts)) {
        const { gradient, loss, labels } = await together(factors, { clip, examples: 7 }, batches)
        expect(distance(gradient, expected), name).to.be.below(ROUNDED)
        expect(loss, name).to.be.closeTo(each.reduce((sum, e) => sum + e.loss, 0) / each.length, ROUNDED)
        expect(labels, name).to.equal(batches.reduce((n, b) => n + b.labelCount, 0))
      }
    })
  }

  it('gives no example more than the clip, and a small one all that it has', async () => {
    const [example] = randomExamples(tinyConfig, 1, 8) as [TokenizedExample]
    const batch = [packExamples([example], 8)]
    const [own] = await alone(['B'], [example])
    const whole = norm((own as { gradient: Float32Array }).gradient)
    const clipped = await together(['B'], { clip: whole / 50, examples: 1 }, batch)
    expect(norm(clipped.gradient)).to.be.closeTo(whole / 50, 1e-6)
    const free = await together(['B'], { clip: whole * 50, examples: 1 }, batch)
    expect(norm(free.gradient)).to.be.closeTo(whole, ROUNDED)
  })

  it('adds the noise in whole steps of the grid, and divides by what is expected, not by who came', async () => {
    const noise = { step: 0.5, values: Int32Array.from({ length: sizeOf(['B']) }, (_, i) => (i % 7) - 3) }
    const examples = randomExamples(tinyConfig, 4, 5)
    const { gradient } = await together(['B'], { clip: 1e-3, examples: 4 }, [packTightly(examples)], noise)
    const trained = layout.entries
      .filter((e) => e.factor === 'B')
      .flatMap((e) => [...gradient.subarray(e.offset, e.offset + e.shape[0] * e.shape[1])])
    // what is clipped to a thousandth rounds to nothing on a grid of halves
    expect(trained).to.deep.equal(Array.from(noise.values, (n) => (n * 0.5) / 4))
    const empty = await together(['B'], { clip: 1, examples: 4 }, [], noise)
    expect(empty.gradient).to.deep.equal(gradient)
    expect([empty.loss, empty.labels, empty.tokens]).to.deep.equal([0, 0, 0])
  })

  it('refuses a step without its noise, noise that does not fit, and noise that protects nothing', async () => {
    const batch = [packTightly(randomExamples(tinyConfig, 3))]
    await using(['B'], { clip: 1, examples: 3 }, async (t) => {
      await expectRejects(() => t.step(batch, 0.1), 'E_ARGUMENT', /noise with every step/)
      const short = { step: 1, values: new Int32Array(3) }
      await expectRejects(() => t.step(batch, 0.1, undefined, short), 'E_ARGUMENT', /expected \d+ numbers/)
      await expectRejects(() => t.step(batch, 0.1, undefined, silence(['B'], 0)), 'E_ARGUMENT', /step above 0/)
    })
    await using(['B'], null, (t) =>
      expectRejects(() => t.step(batch, 0.1, undefined, silence(['B'])), 'E_ARGUMENT', /protect nothing/),
    )
  })

  it('is there for the factors of LoRA only', () =>
    expectRejects(
      () =>
        makeEngine().openTrainer({
          model,
          trainable: { kind: 'full' },
          optimizer: gradientProbe,
          threads: 1,
          seed: 1,
          perExample: { clip: 1, examples: 1 },
        }),
      'E_ARGUMENT',
      /LoRA/,
    ))
}
