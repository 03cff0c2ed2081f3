/** Examples as tokens: what the engine may see of private text. */
import type { Example, TokenizedExample, Tokenizer } from '../types/data.ts'
import { encoderExample } from './encoder-examples.ts'
import { promptIds } from './prompt-ids.ts'
import { splitThinking, type ThinkingParts } from './thinking.ts'

export interface TokenizedExamples {
  readonly tokenized: readonly TokenizedExample[]
  /** examples longer than `maxTokens`, left out: a cut completion would teach to stop early */
  readonly tooLong: number
  /** examples without a completion, or with one that the model cannot answer (a class that a classifier has not) */
  readonly empty: number
}

export interface TokenizeOptions {
  /** what each token of a thinking part counts in the loss, ≥ 0: 0 makes it context only. 1 unless given */
  readonly thinkingWeight?: number
}

/**
 * Prompt and completion are encoded apart, so that the prompt's tokens are the same whatever follows: at inference the
 * model is given exactly those. End-of-text is added. For a decoder; an encoder's examples are made in encoder-examples.ts.
 */
export function tokenizeExample(
  { prompt: text, completion }: Example,
  tokenizer: Tokenizer,
  { thinkingWeight = 1 }: TokenizeOptions = {},
): TokenizedExample {
  const prompt = promptIds(tokenizer, text)
  const parts = splitThinking(text, completion)
  if (parts === null) {
    return {
      ids: Int32Array.from([...prompt, ...tokenizer.encode(completion), tokenizer.eosId]),
      promptLength: prompt.length,
    }
  }
  const [block, answer] = encodeParts(parts, tokenizer)
  const ids = Int32Array.from([...prompt, ...block, ...answer, tokenizer.eosId])
  const tokens = { ids, promptLength: prompt.length, thinkingLength: block.length }
  if (thinkingWeight === 1) return tokens
  // a label stands one place before its token
  const start = Math.max(prompt.length - 1, 0)
  const weights = new Float32Array(ids.length).fill(1)
  return { ...tokens, weights: weights.fill(thinkingWeight, start, prompt.length - 1 + block.length) }
}

/** As one text where no token reaches over the border: a vocabulary of words would put a space in front of a text of its own. */
function encodeParts(
  { block, answer }: ThinkingParts,
  tokenizer: Tokenizer,
): readonly [block: readonly number[], answer: readonly number[]] {
  const first = tokenizer.encode(block)
  const both = tokenizer.encode(block + answer)
  if (first.every((id, i) => both[i] === id)) return [first, both.slice(first.length)]
  return [first, tokenizer.encode(answer)]
}

/** The same examples with their thinking parts given, so that the answers alone are measured; those without one stay as they are. */
export function answersOnly(examples: readonly TokenizedExample[]): readonly TokenizedExample[] {
  return examples.map(({ ids, promptLength, labels, thinkingLength = 0 }) => ({
    ids,
    promptLength: promptLength + thinkingLength,
    ...(labels && { labels }),
  }))
}

/**
 * Tokenises in order; examples without a completion or longer than `maxTokens` (prompt, completion and end-of-text
 * together) are left out and counted, never cut.
 * @throws CoveyError E_TOKENIZER
 */
export function tokenizeExamples(
  examples: readonly Example[],
  tokenizer: Tokenizer,
  maxTokens: number,
  options: TokenizeOptions = {},
): TokenizedExamples {
  const tokenized: TokenizedExample[] = []
  let tooLong = 0
  let empty = 0
  for (const example of examples) {
    if (example.completion === '') {
      empty++
      continue
    }
    const tokens = tokenizer.encoder
      ? encoderExample(example, tokenizer, tokenizer.encoder)
      : tokenizeExample(example, tokenizer, options)
    if (tokens === null) empty++
    else if (tokens.ids.length > maxTokens) tooLong++
    else tokenized.push(tokens)
  }
  return { tokenized, tooLong, empty }
}
