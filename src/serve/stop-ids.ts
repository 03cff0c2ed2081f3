/** Which tokens end an answer. */
import type { Tokenizer } from '../types/data.ts'
import type { ModelConfig } from '../types/model.ts'

/**
 * End of text, what config.json says, and the token with which the chat template closes an assistant's turn (`<|im_end|>`):
 * a model that closes its turn would otherwise go on and play the user.
 */
export function stopIdsOf(tokenizer: Tokenizer, config: Pick<ModelConfig, 'eosIds'>): number[] {
  return [...new Set([tokenizer.eosId, ...config.eosIds, ...endOfTurn(tokenizer)])]
}

function endOfTurn(tokenizer: Tokenizer): number[] {
  const mark = 'content'
  let turn: string
  try {
    turn = tokenizer.chat([{ role: 'assistant', content: mark }], false)
  } catch {
    // no chat template: there are no turns to close
    return []
  }
  const after = turn.slice(turn.lastIndexOf(mark) + mark.length).trim()
  if (after === '') return []
  const first = tokenizer.encode(after)[0]
  // a special token: ordinary text after a turn is no sign that it is over
  return first !== undefined && tokenizer.decode([first]) === '' ? [first] : []
}
