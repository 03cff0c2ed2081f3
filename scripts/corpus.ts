/**
 * Tokenises the pre-training corpus: one flat file of 16-bit token ids, a document after the other, each ended by the
 * end-of-text id; and a JSON file that says what is in it.
 *
 *   node scripts/corpus.ts --data ../shared/data [--model models/covey-nano] [--out runs/corpus] [--seed 1]
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { bytesOf, sha256 } from '../src/base/bytes.ts'
import { CoveyError } from '../src/base/errors.ts'
import { preTokens } from '../src/data/bpe-train.ts'
import { loadTokenizer } from '../src/data/tokenizer.ts'
import { corpusDocuments, LICENCES } from './corpus-sources.ts'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data' },
    model: { type: 'string', default: 'models/covey-nano' },
    out: { type: 'string', default: 'runs/corpus' },
    seed: { type: 'string', default: '1' },
  },
})

const started = performance.now()
const tokenizer = await loadTokenizer(values.model)
if (tokenizer.vocabSize > 65_536) {
  throw new CoveyError(
    'E_TOKENIZER',
    `expected a vocabulary of at most 65536 ids for 16-bit files, got ${tokenizer.vocabSize}`,
  )
}
/** Merges never cross a pre-token, so each distinct one is encoded once; chat marks stand apart from the text. */
const cache = new Map<string, readonly number[]>()
function encode(text: string): number[] {
  const out: number[] = []
  for (const part of text.split(/(<\|im_(?:start|end)\|>)/)) {
    for (const piece of part.startsWith('<|im_') ? [part] : preTokens(part)) {
      let ids = cache.get(piece)
      if (ids === undefined) {
        ids = tokenizer.encode(piece)
        cache.set(piece, ids)
      }
      for (const id of ids) out.push(id)
    }
  }
  return out
}

mkdirSync(path.dirname(values.out), { recursive: true })
const file = openSync(`${values.out}.u16`, 'w')
const sources = new Map<string, { documents: number; tokens: number; characters: number }>()
let total = 0
let longest = 0
for (const { source, text } of corpusDocuments(values.data, values.seed)) {
  const ids = encode(text)
  ids.push(tokenizer.eosId)
  writeSync(file, bytesOf(Uint16Array.from(ids)))
  const entry = sources.get(source) ?? { documents: 0, tokens: 0, characters: 0 }
  sources.set(source, {
    documents: entry.documents + 1,
    tokens: entry.tokens + ids.length,
    characters: entry.characters + text.length,
  })
  total += ids.length
  longest = Math.max(longest, ids.length)
}
closeSync(file)
const report = {
  tokens: total,
  format: 'uint16 little-endian, each document ended by eosId',
  eosId: tokenizer.eosId,
  vocabSize: tokenizer.vocabSize,
  tokenizerSha256: sha256(readFileSync(path.join(values.model, 'tokenizer.json'))),
  seed: values.seed,
  longestDocument: longest,
  sources: Object.fromEntries(
    [...sources]
      .sort(([, a], [, b]) => b.tokens - a.tokens)
      .map(([name, s]) => [
        name,
        { ...s, share: Number((s.tokens / total).toFixed(4)), licence: LICENCES[name] ?? '' },
      ]),
  ),
}
writeFileSync(`${values.out}.json`, `${JSON.stringify(report, null, 2)}\n`)
console.log(JSON.stringify(report, null, 2))
console.log(`${total} tokens in ${((performance.now() - started) / 1000).toFixed(1)} s -> ${values.out}.u16`)
