/** Examples as tokens: what the engine may see of private text. */
import type { Example, TokenizedExample, Tokenizer } from '../types/data.ts'
import { encoderExample } from './encoder-examples.ts'
import { promptIds } from './prompt-ids.ts'

export interface TokenizedExamples {
  readonly tokenized: readonly TokenizedExample[]
  /** examples longer than `maxTokens`, left out: a cut completion would teach to stop early */
  readonly tooLong: number
  /** examples without a completion, or with one that the model cannot answer (a class that a classifier has not) */
  readonly empty: number
}

/**
 * Prompt and completion are encoded apart, so that the prompt's tokens are the same whatever follows: at inference the
 * model is given exactly those. End-of-text is added. For a decoder; an encoder's examples are made in encoder-examples.ts.
 */
export function tokenizeExample(example: Example, tokenizer: Tokenizer): TokenizedExample {
  const prompt = promptIds(tokenizer, example.prompt)
  const ids = Int32Array.from([...prompt, ...tokenizer.encode(example.completion), tokenizer.eosId])
  return { ids, promptLength: prompt.length }
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
      : tokenizeExample(example, tokenizer)
    if (tokens === null) empty++
    else if (tokens.ids.length > maxTokens) tooLong++
    else tokenized.push(tokens)
  }
  return { tokenized, tooLong, empty }
}
