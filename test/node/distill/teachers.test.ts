import { expect } from 'chai'
import fc from 'fast-check'
import { checkSameVocabulary, createTeaching, piecesOf, type Teacher } from '../../../node/distill/teachers.ts'
import { labelsOf } from '../../../src/engine/loop/batch.ts'
import { IGNORE_LABEL, type PackedBatch, type Tokenizer } from '../../../src/types/data.ts'
import type { Inference } from '../../../src/types/engine.ts'
import type { ModelConfig } from '../../../src/types/model.ts'
import { createBigramEngine } from '../../support/bigram-engine.ts'
import { livelyModel, randomBatch } from '../../support/engine-fixtures.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { byteTokenizer } from '../../support/fake-inference.ts'
import { tinyConfig } from '../../support/tiny-config.ts'

const VOCABULARY = tinyConfig.vocabSize

async function bigram(seed: number, weight = 1, config = tinyConfig): Promise<Teacher> {
  const model = livelyModel(config, seed)
  const inference = await createBigramEngine().openInference({ model, layout: null, threads: 1 })
  return { name: `t${seed}`, config, inference, weight }
}

/** (labels, V) as soft labels that name every token say it */
const dense = ({ soft }: PackedBatch): number[] => {
  expect(soft?.width).to.equal(VOCABULARY)
  return [...(soft?.probabilities ?? [])]
}

describe('teachers', () => {
  const distillation = { temperature: 2, mix: 0.5 }
  const teach = (teachers: readonly Teacher[], batch: PackedBatch, tokens = VOCABULARY) =>
    createTeaching({ teachers, student: tinyConfig, distillation, tokens }).teach(batch)

  it('say the average of their probabilities, each by its weight', async () => {
    const batch = randomBatch(tinyConfig)
    const [a, b] = [await bigram(1), await bigram(2, 3)]
    const [pa, pb] = [await a.inference.probabilities(batch, 2), await b.inference.probabilities(batch, 2)]
    const got = dense(await teach([a, b], batch))
    for (const [i, x] of got.entries()) expect(x).to.be.closeTo(((pa[i] as number) + 3 * (pb[i] as number)) / 4, 1e-6)
    expect(dense(await teach([a], batch))).to.deep.equal([...pa])
    const few = await teach([a, b], batch, 5)
    labelsOf(few, tinyConfig)
    expect(few.soft?.width).to.equal(5)
  })

  it('of another width: padding that only they have is rest, padding that only the student has is nothing', async () => {
    const batch = randomBatch(tinyConfig)
    const fake = (vocabSize: number): Teacher => ({
      name: 'fake',
      config: { ...tinyConfig, vocabSize },
      weight: 1,
      inference: {
        probabilities: async ({ labelCount }: PackedBatch) =>
          new Float32Array(labelCount * vocabSize).fill(1 / vocabSize),
      } as unknown as Inference,
    })
    const wide = await teach([fake(VOCABULARY * 2)], batch)
    expect(wide.soft?.rest.every((x) => Math.abs(x - 0.5) < 1e-6)).to.equal(true)
    labelsOf(wide, tinyConfig)
    const narrow = await teach([fake(VOCABULARY - 8)], batch)
    labelsOf(narrow, tinyConfig)
    expect(dense(narrow).filter((p) => p === 0)).to.have.length(8 * batch.labelCount)
  })

  it('see a batch in pieces whose labels are those of the whole, in order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.nat(50), fc.integer({ min: 1, max: 20 }), (count, seed, most) => {
        const batch = randomBatch(tinyConfig, count, seed)
        const pieces = piecesOf(batch, most)
        const labelled = (b: PackedBatch): number[] => [...b.labels].filter((l) => l !== IGNORE_LABEL)
        expect(pieces.flatMap(labelled)).to.deep.equal(labelled(batch))
        for (const piece of pieces) {
          expect(piece.labelCount).to.equal(labelled(piece).length)
          expect(piece.labelCount).to.be.within(1, most)
        }
      }),
    )
  })

  it('have the vocabulary of their student', async () => {
    const reader = (tokens: [string, number][], config: ModelConfig = tinyConfig) => {
      const tokenizer: Tokenizer = { ...byteTokenizer, tokens: () => new Map(tokens) }
      return { tokenizer, config }
    }
    const own = reader([
      ['a', 0],
      ['b', 1],
    ])
    checkSameVocabulary(
      own,
      reader(
        [
          ['b', 1],
          ['a', 0],
        ],
        { ...tinyConfig, vocabSize: 4096 },
      ),
      'T',
    )
    const wrong: [string, number][][] = [
      [
        ['a', 1],
        ['b', 0],
      ],
      [['a', 0]],
      [
        ['a', 0],
        ['b', 1],
        ['c', 2],
      ],
    ]
    for (const other of wrong)
      await expectRejects(
        () => checkSameVocabulary(own, reader(other), 'T'),
        'E_TOKENIZER',
        /T: expected the student's vocabulary of 2 tokens/,
      )
    const unknown = { ...own, tokenizer: byteTokenizer }
    await expectRejects(() => checkSameVocabulary(own, unknown, 'T'), 'E_TOKENIZER', /does not list/)
  })
})
