import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import { packExamples } from '../../src/data/pack.ts'
import { tokenizeExamples } from '../../src/data/tokenize.ts'
import { loadTokenizer } from '../../src/data/tokenizer.ts'
import { IGNORE_LABEL, type Tokenizer } from '../../src/types/data.ts'
import { ENCODER_TOKENS, writeEncoderFolder } from '../support/encoder-folder.ts'
import { expectRejects } from '../support/expect-error.ts'
import { useTempFolders } from '../support/temp-folder.ts'

const [CLS, SEP, MASK] = [2, 3, 4]
const id = (word: string): number => ENCODER_TOKENS.indexOf(word)

describe('data: examples of encoders', () => {
  const folder = useTempFolders()
  const classifier = async (): Promise<Tokenizer> =>
    loadTokenizer(await writeEncoderFolder(await folder(), 'DistilBERT, classes'))
  const masked = async (): Promise<Tokenizer> =>
    loadTokenizer(await writeEncoderFolder(await folder(), 'DistilBERT, masked'))
  const example = (prompt: string, completion: string) => ({ prompt, completion, partition: '' })

  it('a classifier answers at the first token, by the name of a class or its number', async () => {
    const tokenizer = await classifier()
    expect(tokenizer.encoder).to.deep.equal({
      firstId: CLS,
      lastId: SEP,
      maskId: null,
      classes: ['NEGATIVE', 'POSITIVE'],
    })
    const { tokenized, empty } = tokenizeExamples(
      [
        example('The film was goodly.', ' POSITIVE'),
        example('dull', '0'),
        example('dull', 'NEUTRAL'),
        example('dull', '2'),
        example('a a a a a a a', 'NEGATIVE'),
      ],
      tokenizer,
      8,
    )
    expect(empty).to.equal(2)
    expect(tokenized).to.have.length(2)
    const words = ['the', 'film', 'was', 'good', '##ly', '.'].map(id)
    expect([...(tokenized[0]?.ids ?? [])]).to.deep.equal([CLS, ...words, SEP])
    const batch = packExamples(tokenized, 16)
    expect(batch.labelCount).to.equal(2)
    const labelled = [...batch.labels.keys()].filter((i) => batch.labels[i] !== IGNORE_LABEL)
    expect(labelled.map((i) => [batch.positions[i], batch.ids[i]])).to.deep.equal([
      [0, CLS],
      [0, CLS],
    ])
    expect(labelled.map((i) => batch.labels[i]).sort()).to.deep.equal([0, 1])
  })

  it('a masked model guesses tokens of the completion, the same ones every time', async () => {
    const tokenizer = await masked()
    const word = fc.constantFrom('a', 'the', 'film', 'was', 'good', 'bad', 'fine', 'dull', 'very', 'and')
    const text = fc.array(word, { minLength: 1, maxLength: 30 })
    let guessed = 0
    let read = 0
    fc.assert(
      fc.property(text, text, (before, after) => {
        const one = example(before.join(' '), after.join(' '))
        const run = () => tokenizeExamples([one], tokenizer, 128).tokenized[0]
        const made = run()
        if (!made?.labels) throw new Error('no labels')
        expect(made).to.deep.equal(run())
        const truth = [CLS, ...before.map(id), ...after.map(id), SEP]
        expect(made.ids).to.have.length(truth.length)
        for (const [i, label] of made.labels.entries()) {
          if (label === IGNORE_LABEL) expect(made.ids[i]).to.equal(truth[i])
          else {
            expect(label).to.equal(truth[i])
            expect(i).to.be.within(before.length + 1, truth.length - 2)
            guessed++
          }
        }
        expect(made.labels.some((label) => label !== IGNORE_LABEL)).to.equal(true)
        read += after.length
      }),
      { seed: 5 },
    )
    expect(guessed / read).to.be.within(0.12, 0.35)
    const long = tokenizeExamples([example('', Array(100).fill('good').join(' '))], tokenizer, 128).tokenized[0]
    const hidden = [...(long?.labels ?? [])].flatMap((label, i) => (label === IGNORE_LABEL ? [] : [long?.ids[i]]))
    expect(hidden.filter((x) => x === MASK).length / hidden.length).to.be.greaterThan(0.5)
  })

  it('packs labels that an example brings, and refuses another number of them', () => {
    const ids = Int32Array.of(5, 6, 7)
    const labels = Int32Array.of(IGNORE_LABEL, 9, IGNORE_LABEL)
    const batch = packExamples([{ ids, promptLength: 3, labels }], 4)
    expect([...batch.labels]).to.deep.equal([IGNORE_LABEL, 9, IGNORE_LABEL, IGNORE_LABEL])
    expect(batch.labelCount).to.equal(1)
    return expectRejects(
      () => packExamples([{ ids, promptLength: 3, labels: labels.subarray(1) }], 4),
      'E_ARGUMENT',
      /expected 3 labels, got 2/,
    )
  })

  it('wants the marks that an encoder reads', async () => {
    const dir = await writeEncoderFolder(await folder(), 'DistilBERT, classes')
    const path = join(dir, 'tokenizer_config.json')
    await writeFile(path, JSON.stringify({ cls_token: '[BEGIN]' }))
    await expectRejects(() => loadTokenizer(dir), 'E_TOKENIZER', /\[BEGIN\] \(cls_token\)/)
  })

  it('refuses a tokenizer of another model, and leaves out marks that only its vision half reads', async () => {
    const dir = await writeEncoderFolder(await folder(), 'DistilBERT, masked')
    const path = join(dir, 'config.json')
    const config = JSON.parse(await readFile(path, 'utf8'))
    await writeFile(path, JSON.stringify({ ...config, vocab_size: ENCODER_TOKENS.length - 1 }))
    await expectRejects(() => loadTokenizer(dir), 'E_TOKENIZER', /token 16, the model's vocabulary has 16/)

    const file = join(dir, 'tokenizer.json')
    const tokenizer = JSON.parse(await readFile(file, 'utf8'))
    const image = { id: ENCODER_TOKENS.length, content: '<image>', special: true, normalized: false }
    await writeFile(file, JSON.stringify({ ...tokenizer, added_tokens: [...tokenizer.added_tokens, image] }))
    await writeFile(path, JSON.stringify({ ...config, vocab_size: ENCODER_TOKENS.length }))
    const loaded = await loadTokenizer(dir)
    expect(loaded.vocabSize).to.equal(ENCODER_TOKENS.length)
    expect(loaded.encode('good <image> film')).to.deep.equal([id('good'), id('film')])
  })
})
