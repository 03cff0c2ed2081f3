/**
 * Text out of tokens as they come. A token of a byte-level vocabulary may end inside a UTF-8 character, so text is
 * held back until it is whole. The window of two offsets is Hugging Face TGI's (server/text_generation_server/models/model.py,
 * `decode_token`): decoding a short tail next to its left neighbour keeps spaces that depend on it.
 */
import type { Tokenizer } from '../types/data.ts'

/** what a decoder writes for bytes that are no character (yet) */
const REPLACEMENT = '\uFFFD'

export class Detokenizer {
  private readonly tokenizer: Pick<Tokenizer, 'decode'>
  private ids: number[] = []
  /** ids before this one are only there for the neighbour's sake; their text is out */
  private told = 0

  constructor(tokenizer: Pick<Tokenizer, 'decode'>) {
    this.tokenizer = tokenizer
  }

  /** @returns the text that is certain now; '' while a character is incomplete */
  push(id: number): string {
    this.ids.push(id)
    const text = this.untold()
    if (text === '' || text.endsWith(REPLACEMENT)) return ''
    this.ids = this.ids.slice(this.told)
    this.told = this.ids.length
    return text
  }

  /** What is still held back; bytes that never became a character come out as U+FFFD. */
  flush(): string {
    const text = this.untold()
    this.ids = []
    this.told = 0
    return text
  }

  private untold(): string {
    const before = this.tokenizer.decode(this.ids.slice(0, this.told))
    return this.tokenizer.decode(this.ids).slice(before.length)
  }
}
