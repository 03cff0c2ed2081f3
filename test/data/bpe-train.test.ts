import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers'
import { expect } from 'chai'
import fc from 'fast-check'
import { type BpeVocabulary, countPreTokens, preTokens, tokenizerJson, trainBpe } from '../../src/data/bpe-train.ts'
import { loadTokenizer } from '../../src/data/tokenizer.ts'

/** The definition, slowly: count every pair again after each merge. */
function naiveMerges(counts: ReadonlyMap<string, number>, merges: number): string[] {
  const words = [...counts].map(([piece, n]) => ({ parts: [...Buffer.from(piece)].map((b) => [b]), n }))
  const done: string[] = []
  const rank = new Map<string, number>()
  const idOf = (bytes: number[]): number => (bytes.length === 1 ? (bytes[0] as number) : (rank.get(bytes.join()) ?? -1))
  while (done.length < merges) {
    const pairs = new Map<string, { count: number; left: number[]; right: number[] }>()
    for (const { parts, n } of words) {
      for (let i = 0; i + 1 < parts.length; i++) {
        const [left, right] = [parts[i] as number[], parts[i + 1] as number[]]
        const key = `${left.join()}|${right.join()}`
        const entry = pairs.get(key) ?? { count: 0, left, right }
        pairs.set(key, { ...entry, count: entry.count + n })
      }
    }
    const best = [...pairs.values()].sort(
      (a, b) => b.count - a.count || idOf(a.left) - idOf(b.left) || idOf(a.right) - idOf(b.right),
    )[0]
    if (!best) break
    const joined = [...best.left, ...best.right]
    if (!rank.has(joined.join())) rank.set(joined.join(), 256 + rank.size)
    done.push(`${best.left.join()}|${best.right.join()}`)
    for (const word of words) {
      const out: number[][] = []
      for (let i = 0; i < word.parts.length; i++) {
        const here = word.parts[i] as number[]
        const next = word.parts[i + 1]
        if (next && here.join() === best.left.join() && next.join() === best.right.join()) {
          out.push(joined)
          i++
        } else out.push(here)
      }
      word.parts = out
    }
  }
  return done
}

const countsOf = (text: string): Map<string, number> => {
  const counts = new Map<string, number>()
  countPreTokens(counts, text)
  return counts
}

function libraryTokens(vocabulary: BpeVocabulary, text: string): string[] {
  const library = new HuggingFaceTokenizer(tokenizerJson(vocabulary), { clean_up_tokenization_spaces: false })
  return library.tokenize(text, { add_special_tokens: false })
}

describe('data/bpe-train', () => {
  it('cuts text without losing a character', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (text) => preTokens(text).join('') === text))
  })

  it('cuts as the pre-tokenizers that it names in tokenizer.json', () => {
    const library = new HuggingFaceTokenizer(tokenizerJson(trainBpe(new Map(), { vocabSize: 256, specials: [] })), {})
    const unit = fc.constantFrom('a', 'B', ' ', '  ', '\n', '1', '23', '²', 'é', "'s", "'", '.', '{"', '\t', '日')
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 30 }), (units) => {
        const text = units.join('')
        const theirs = library.pre_tokenizer?.(text) ?? []
        expect(preTokens(text).map((t) => Buffer.byteLength(t))).to.deep.equal(theirs.map((t: string) => t.length))
      }),
    )
  })

  it('learns the same merges as counting everything again each time', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('ab', 'aaa', 'abab', ' ', 'ba', 'c', 'é'), { maxLength: 40 }), (units) => {
        const counts = countsOf(units.join(''))
        const letters = new Map<string, string>()
        const { merges, tokens } = trainBpe(counts, { vocabSize: 256 + 12, specials: [] })
        for (const [b, c] of tokens.slice(0, 256).entries()) letters.set(c, String(b))
        const spelt = merges.map((pair) => pair.map((t) => [...t].map((c) => letters.get(c)).join()).join('|'))
        const expected = naiveMerges(counts, merges.length)
        expect(spelt).to.deep.equal(expected)
      }),
      { numRuns: 60 },
    )
  })

  it('gives special tokens the first ids and merges after the bytes', () => {
    const vocabulary = trainBpe(countsOf('low low low lower lowest'), { vocabSize: 262, specials: ['<e>', '<p>'] })
    expect(vocabulary.tokens.slice(0, 3)).to.deep.equal(['<e>', '<p>', 'Ā'])
    expect(vocabulary.tokens.slice(258)).to.deep.equal(['lo', 'low', 'Ġlow', 'Ġlowe'])
    expect(libraryTokens(vocabulary, 'low lower')).to.deep.equal(['low', 'Ġlowe', 'r'])
  })

  it('stops when nothing is left to merge, and refuses sizes that cannot be', () => {
    expect(trainBpe(countsOf('ab'), { vocabSize: 400, specials: [] }).tokens).to.have.length(257)
    for (const vocabSize of [10, 70_000, 300.5]) {
      expect(() => trainBpe(new Map(), { vocabSize, specials: [] })).to.throw(/vocabSize: expected 256 to 65536/)
    }
  })

  it('writes a file that loadTokenizer reads', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'covey-bpe-'))
    try {
      const vocabulary = trainBpe(countsOf('send 12 dollars to Maria, please'), { vocabSize: 270, specials: ['<e>'] })
      await writeFile(path.join(dir, 'tokenizer.json'), JSON.stringify(tokenizerJson(vocabulary)))
      await writeFile(path.join(dir, 'tokenizer_config.json'), JSON.stringify({ eos_token: { content: '<e>' } }))
      const tokenizer = await loadTokenizer(dir)
      expect(tokenizer.eosId).to.equal(0)
      expect(tokenizer.vocabSize).to.equal(vocabulary.tokens.length)
      fc.assert(
        fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
          fc.pre(!text.includes('<e>'))
          expect(tokenizer.decode(tokenizer.encode(text))).to.equal(text)
        }),
      )
    } finally {
      await rm(dir, { recursive: true })
    }
  })
})
