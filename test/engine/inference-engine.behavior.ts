/** What every InferenceEngine does, whatever computes. */
import { expect } from 'chai'
import { createLayout } from '../../src/adapter/layout.ts'
import { packExamples } from '../../src/data/pack.ts'
import type { TokenizedExample } from '../../src/types/data.ts'
import type { GeneratedToken, GenerateOptions, Inference, InferenceEngine } from '../../src/types/engine.ts'
import { livelyModel, randomBatch, randomExamples, randomVector } from '../support/engine-fixtures.ts'
import { expectRejects } from '../support/expect-error.ts'
import { tinyConfig, tinyLora } from '../support/tiny-config.ts'

const layout = createLayout(tinyConfig, tinyLora)
const greedy: GenerateOptions = { maxTokens: 6, temperature: 0, topP: 1, seed: 1, stopIds: [2] }

export function inferenceEngineBehavior(makeEngine: () => InferenceEngine): void {
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
  const answers = async (i: Inference, prompts: readonly number[][], options = greedy): Promise<number[][]> => {
    const out: number[][] = prompts.map(() => [])
    for await (const t of i.generate(prompts, options)) (out[t.row] as number[]).push(t.id)
    return out
  }

  it('scores the same whether batches are one or many, packed or not', () =>
    using(async (i) => {
      const examples = randomExamples(tinyConfig, 6)
      const one = await i.evaluate([packExamples(examples, 24)])
      const many = await i.evaluate(examples.map((e) => packExamples([e], 7)))
      expect(one.examples).to.equal(6)
      expect(many.labels).to.equal(one.labels)
      expect(many.loss).to.be.closeTo(one.loss, 1e-5)
      expect(many.exactMatch).to.equal(one.exactMatch)
    }))

  it('answers a prompt alone as in a batch of prompts of other lengths', () =>
    using(async (i) => {
      const prompts = [[5], [7, 8, 9, 10, 11], [3, 4], [12, 13, 14]]
      const together = await answers(i, prompts)
      for (const [n, prompt] of prompts.entries()) {
        expect(await answers(i, [prompt]), `prompt ${n}`).to.deep.equal([together[n]])
      }
      expect(together.every((a) => a.length > 0)).to.equal(true)
    }))

  it('has an exact match of 1 on what it answers greedily, and 0 on anything else', () =>
    using(async (i) => {
      const prompts = [[5, 6], [7, 8, 9], [30]]
      const made = await answers(i, prompts)
      const example = (n: number, answer: readonly number[]): TokenizedExample => {
        const prompt = prompts[n] as number[]
        return { ids: Int32Array.from([...prompt, ...answer]), promptLength: prompt.length }
      }
      const own = made.map((answer, n) => example(n, answer))
      const other = made.map((answer, n) =>
        example(
          n,
          answer.map((id, k) => (k === 0 ? (id + 1) % tinyConfig.vocabSize : id)),
        ),
      )
      expect((await i.evaluate([packExamples(own, 16)])).exactMatch).to.equal(1)
      expect((await i.evaluate([packExamples(other, 16)])).exactMatch).to.equal(0)
      expect((await i.evaluate([packExamples([...own, other[0] as TokenizedExample], 16)])).exactMatch).to.equal(3 / 4)
    }))

  it('sets an adapter for later calls, and null is the base', () =>
    using(async (i) => {
      const batches = [randomBatch(tinyConfig)]
      const adapted = await i.evaluate(batches)
      i.setAdapter(null)
      const base = await i.evaluate(batches)
      expect(base.loss).to.not.equal(adapted.loss)
      i.setAdapter(new Float32Array(layout.size))
      expect((await i.evaluate(batches)).loss).to.equal(base.loss)
      const values = randomVector(layout.size, 0.3)
      i.setAdapter(values)
      values.fill(0)
      expect((await i.evaluate(batches)).loss, 'keeps a copy').to.equal(adapted.loss)
    }))

  it('lets a generation finish on the adapter that it began with', () =>
    using(async (i) => {
      const expected = await answers(i, [[5, 6]])
      const got: number[] = []
      for await (const t of i.generate([[5, 6]], greedy)) {
        i.setAdapter(null)
        got.push(t.id)
      }
      expect([got]).to.deep.equal(expected)
    }))

  it('ends at a stop token or at the limit, and says which', () =>
    using(async (i) => {
      const [first] = (await answers(i, [[5, 6]]))[0] as number[]
      const collect = async (options: GenerateOptions): Promise<GeneratedToken[]> => {
        const out: GeneratedToken[] = []
        for await (const t of i.generate([[5, 6]], options)) out.push(t)
        return out
      }
      expect(await collect({ ...greedy, stopIds: [first as number] })).to.deep.equal([
        { row: 0, id: first, done: 'stop' },
      ])
      const long = await collect({ ...greedy, stopIds: [], maxTokens: 9 })
      expect(long.map((t) => t.done)).to.deep.equal([...Array(8).fill(null), 'length'])
      expect(await collect({ ...greedy, maxTokens: 0 })).to.deep.equal([])
      const all = await collect({ ...greedy, stopIds: [], maxTokens: 1000 })
      expect(all).to.have.length(tinyConfig.maxPositions - 2)
      expect(all.at(-1)?.done).to.equal('length')
    }))

  it('samples by its seed', () =>
    using(async (i) => {
      const hot = { ...greedy, temperature: 2, topP: 0.95, maxTokens: 12, stopIds: [] }
      const a = await answers(i, [[5], [6]], hot)
      expect(await answers(i, [[5], [6]], hot)).to.deep.equal(a)
      expect(await answers(i, [[5], [6]], { ...hot, seed: 2 })).to.not.deep.equal(a)
      const cold = { ...greedy, stopIds: [] }
      expect(await answers(i, [[5]], { ...cold, temperature: 1, topP: 1e-9 })).to.deep.equal(
        await answers(i, [[5]], cold),
      )
    }))

  it('stops when told so', () =>
    using(async (i) => {
      const abort = new AbortController()
      let tokens = 0
      await expectRejects(async () => {
        for await (const _ of i.generate([[5]], { ...greedy, stopIds: [], maxTokens: 40, signal: abort.signal })) {
          if (++tokens === 3) abort.abort()
        }
      }, 'E_ABORTED')
      expect(tokens).to.equal(3)
      await expectRejects(() => i.evaluate([randomBatch(tinyConfig)], abort.signal), 'E_ABORTED')
      expect((await answers(i, [[5]])).length).to.equal(1)
    }))

  it('gives a running evaluation up, and answers the next call as if there had been none', () =>
    using(async (i) => {
      const some = [randomBatch(tinyConfig)]
      const expected = await i.evaluate(some)
      const abort = new AbortController()
      const running = i.evaluate(
        Array.from({ length: 64 }, (_, n) => randomBatch(tinyConfig, 60, n, 48)),
        abort.signal,
      )
      setTimeout(() => abort.abort(), 1)
      await expectRejects(() => running, 'E_ABORTED')
      expect(await i.evaluate(some)).to.deep.equal(expected)
    }))

  it('refuses what does not fit', () =>
    using(async (i) => {
      await expectRejects(() => i.setAdapter(new Float32Array(3)), 'E_ADAPTER')
      await expectRejects(() => i.evaluate([]), 'E_ARGUMENT', /label/)
      await expectRejects(() => answers(i, []), 'E_ARGUMENT')
      await expectRejects(() => answers(i, [[]]), 'E_ARGUMENT', /at least one token/)
      await expectRejects(() => answers(i, [[99]]), 'E_ARGUMENT', /vocabulary/)
      await expectRejects(() => answers(i, [Array(64).fill(1)]), 'E_ARGUMENT', /room/)
      await expectRejects(() => answers(i, [[5]], { ...greedy, temperature: -1 }), 'E_ARGUMENT', /temperature/)
      await expectRejects(() => answers(i, [[5]], { ...greedy, topP: 0 }), 'E_ARGUMENT', /topP/)
    }))
}
