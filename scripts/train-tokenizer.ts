/**
 * Trains the tokenizer of models/covey-nano from the public texts.
 *
 *   node scripts/train-tokenizer.ts --data ../shared/data [--out models/covey-nano] [--vocab 6144] [--seed 1]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { countPreTokens, tokenizerJson, trainBpe } from '../src/data/bpe-train.ts'
import { corpusDocuments } from './corpus-sources.ts'

/** Id 0 ends a text and is the loss target after every completion; the order is part of the model. */
const SPECIALS = ['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<|pad|>']

/**
 * How much a text of each source counts for the vocabulary. The prose is half of the bytes and a century old; what the model is
 * used for reads like the customer turns, the dialogues and the word problems.
 */
const WEIGHT: Readonly<Record<string, number>> = {
  prose: 1,
  fairytaleqa: 1,
  tinyshakespeare: 0.5,
  multidogo: 2,
  taskmaster: 4,
  gsm8k: 3,
}

const CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data' },
    out: { type: 'string', default: 'models/covey-nano' },
    vocab: { type: 'string', default: '6144' },
    seed: { type: 'string', default: '1' },
  },
})

const started = performance.now()
const counts = new Map<string, number>()
for (const { source, text } of corpusDocuments(values.data, values.seed)) {
  countPreTokens(counts, text.replace(/<\|im_(?:start|end)\|>/g, '\n'), WEIGHT[source] ?? 1)
}
const counted = performance.now()
const vocabulary = trainBpe(counts, { vocabSize: Number(values.vocab), specials: SPECIALS })
mkdirSync(values.out, { recursive: true })
writeFileSync(path.join(values.out, 'tokenizer.json'), `${JSON.stringify(tokenizerJson(vocabulary), null, 1)}\n`)
const config = {
  add_bos_token: false,
  add_eos_token: false,
  add_prefix_space: false,
  bos_token: null,
  chat_template: CHAT_TEMPLATE,
  clean_up_tokenization_spaces: false,
  eos_token: SPECIALS[0],
  model_max_length: 512,
  pad_token: SPECIALS[3],
  tokenizer_class: 'PreTrainedTokenizerFast',
  unk_token: null,
}
writeFileSync(path.join(values.out, 'tokenizer_config.json'), `${JSON.stringify(config, null, 2)}\n`)
const seconds = (from: number, to: number): string => ((to - from) / 1000).toFixed(1)
console.log(
  `${counts.size} distinct pre-tokens counted in ${seconds(started, counted)} s, ${vocabulary.tokens.length} tokens trained in ${seconds(counted, performance.now())} s -> ${values.out}`,
)
