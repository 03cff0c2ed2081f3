/**
 * The thinking part of a completion: what a model writes between `<think>` and `</think>` before it answers, in the form of
 * DeepSeek-R1 (arXiv:2501.12948) and of Qwen3's chat template. A completion holds it in front of the answer, so that
 * whatever carries completions carries it, too.
 *
 *   withThinking('Q:', ' 4', '2 + 2') // '<think>\n2 + 2\n</think>\n\n 4'
 */

const OPEN = '<think>'
const CLOSE = '</think>'
const MARKS = /<\/?think>/g
/** A chat template for reasoning models may open the thinking itself, as DeepSeek-R1's does. */
const OPENED = /<think>\s*$/
const BLOCK = /^\s*<think>([\s\S]*?)<\/think>\n*/
const REST_OF_BLOCK = /^([\s\S]*?)<\/think>\n*/

export interface ThinkingParts {
  /** the thinking part as it stands in the completion, its marks and the empty line behind it included */
  readonly block: string
  /** what stands between the marks */
  readonly thinking: string
  readonly answer: string
}

/** A completion's thinking part and its answer; null when it has no thinking part. */
export function splitThinking(prompt: string, completion: string): ThinkingParts | null {
  const found = BLOCK.exec(completion) ?? (OPENED.test(prompt) ? REST_OF_BLOCK.exec(completion) : null)
  if (found === null) return null
  const [block, thinking = ''] = found
  return { block, thinking, answer: completion.slice(block.length) }
}

/**
 * The completion with its thinking part in the one form that is trained on.
 * @param thinking null or blank: the one that the completion holds already, if any; else it takes that one's place
 */
export function withThinking(prompt: string, completion: string, thinking: string | null): string {
  const own = splitThinking(prompt, completion)
  const given = thinking !== null && thinking.trim() !== ''
  if (own === null && !given) return completion
  const text = clean(given ? thinking : (own?.thinking ?? ''))
  const opened = OPENED.exec(prompt)
  // the line that the template has begun
  const opening = opened === null ? `${OPEN}\n` : opened[0].endsWith('\n') ? '' : '\n'
  return `${opening}${text}\n${CLOSE}\n\n${(own?.answer ?? completion).replace(/^\n+/, '')}`
}

/** A prompt without the mark that its chat template has opened the thinking with. */
export function unopened(prompt: string): string {
  return prompt.replace(OPENED, '')
}

/** A mark inside would end the thinking early. */
function clean(thinking: string): string {
  let text = thinking
  let before: string
  do {
    before = text
    text = before.replace(MARKS, '')
    // again until nothing is left, since a removal may join the halves of another mark
  } while (text !== before)
  return text.replace(/^\n+|\n+$/g, '')
}
