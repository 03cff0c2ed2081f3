/** One request on one model: prompts in, pieces of text out, with stop strings and whole characters. */
import { throwIfAborted } from '../base/abort.ts'
import { CoveyError } from '../base/errors.ts'
import { Detokenizer } from './detokenizer.ts'
import type { ServedModel } from './model-slot.ts'
import { StopMatcher } from './stop-matcher.ts'

export interface CompletionRequest {
  readonly prompts: readonly (readonly number[])[]
  readonly maxTokens: number
  readonly temperature: number
  readonly topP: number
  readonly seed: number
  readonly stops: readonly string[]
}

/** Some text of one prompt's answer; the last piece of each says why it ended. */
export interface Piece {
  readonly index: number
  readonly text: string
  readonly finish: 'stop' | 'length' | null
  /** tokens generated for this prompt so far */
  readonly tokens: number
}

/**
 * @param signal ends the generation
 * @throws CoveyError E_ENGINE | E_ABORTED
 */
export async function* complete(
  model: ServedModel,
  request: CompletionRequest,
  signal: AbortSignal,
): AsyncGenerator<Piece, void> {
  const rows = request.prompts.map(() => ({
    text: new Detokenizer(model.tokenizer),
    stop: new StopMatcher(request.stops),
    tokens: 0,
    open: true,
  }))
  let open = rows.length
  const stopIds = new Set(model.stopIds)
  const tokens = model.inference.generate(request.prompts, {
    maxTokens: request.maxTokens,
    temperature: request.temperature,
    topP: request.topP,
    seed: request.seed,
    stopIds: model.stopIds,
    signal,
  })
  // leaving the loop ends the generation: for-await calls the iterator's `return`
  for await (const token of tokens) {
    const row = rows[token.row]
    if (row === undefined)
      throw new CoveyError('E_ENGINE', `the engine answered for row ${token.row} of ${rows.length}`)
    // a stop string ended this row; the engine goes on with it for the sake of the others
    if (!row.open) continue
    row.tokens++
    let text = stopIds.has(token.id) ? '' : row.stop.push(row.text.push(token.id))
    if (token.done !== null && !row.stop.stopped) text += row.stop.push(row.text.flush())
    let finish = token.done
    if (row.stop.stopped) finish = 'stop'
    else if (finish !== null) text += row.stop.flush()
    if (finish !== null) {
      row.open = false
      open--
    }
    if (text !== '' || finish !== null) yield { index: token.row, text, finish, tokens: row.tokens }
    if (open === 0) return
  }
  throwIfAborted(signal)
  throw new CoveyError('E_ENGINE', `the engine ended without finishing ${open} of ${rows.length} prompts`)
}
