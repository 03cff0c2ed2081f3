/**
 * Examples of encoders, which read a whole text. A classifier answers at the first token with the class that the completion
 * names; a masked language model guesses tokens of the completion that were hidden (Devlin et al. 2018, arXiv:1810.04805,
 * section 3.1).
 */
import { digestOfJson } from '../base/canonical.ts'
import { type Random, seededRandom } from '../base/random.ts'
import { type EncoderMarks, type Example, IGNORE_LABEL, type TokenizedExample, type Tokenizer } from '../types/data.ts'
import { splitThinking } from './thinking.ts'

/** Share of tokens to guess, and what stands in their place: the mask, any token, the token itself. */
const GUESSED = 0.15
const MASKED = 0.8
const REPLACED = 0.1

/** null when the completion is none that the model can give. @throws CoveyError E_TOKENIZER */
export function encoderExample(example: Example, tokenizer: Tokenizer, marks: EncoderMarks): TokenizedExample | null {
  return marks.classes === null
    ? maskedExample(example, tokenizer, marks)
    : classExample(example, tokenizer, marks, marks.classes)
}

/** The completion is a class's name, or its number; a classifier has no room to think. */
function classExample(
  { prompt, completion }: Example,
  tokenizer: Tokenizer,
  { firstId, lastId }: EncoderMarks,
  classes: readonly string[],
): TokenizedExample | null {
  const answer = (splitThinking(prompt, completion)?.answer ?? completion).trim()
  const named = classes.indexOf(answer)
  const numbered = /^\d{1,5}$/.test(answer) && Number(answer) < classes.length ? Number(answer) : -1
  const label = named >= 0 ? named : numbered
  if (label < 0) return null
  const ids = Int32Array.from([firstId, ...tokenizer.encode(prompt), lastId])
  const labels = new Int32Array(ids.length).fill(IGNORE_LABEL)
  labels[0] = label
  return { ids, promptLength: ids.length, labels }
}

/** Tokens are drawn by the text itself, so that every peer hides the same ones and measures the same loss. */
function maskedExample(
  { prompt, completion }: Example,
  tokenizer: Tokenizer,
  { firstId, lastId, maskId }: EncoderMarks,
): TokenizedExample | null {
  const before = tokenizer.encode(prompt)
  const text = tokenizer.encode(completion)
  if (text.length === 0 || maskId === null) return null
  const ids = Int32Array.from([firstId, ...before, ...text, lastId])
  const labels = new Int32Array(ids.length).fill(IGNORE_LABEL)
  const random = seededRandom(`covey/mask/${digestOfJson([prompt, completion])}`)
  const start = 1 + before.length
  const certain = random.int(text.length)
  for (let i = 0; i < text.length; i++) {
    if (i !== certain && random.next() >= GUESSED) continue
    const at = start + i
    labels[at] = ids[at] as number
    ids[at] = hidden(ids[at] as number, maskId, tokenizer.vocabSize, random)
  }
  return { ids, promptLength: ids.length, labels }
}

function hidden(id: number, maskId: number, vocabSize: number, random: Random): number {
  const draw = random.next()
  if (draw < MASKED) return maskId
  return draw < MASKED + REPLACED ? random.int(vocabSize) : id
}
