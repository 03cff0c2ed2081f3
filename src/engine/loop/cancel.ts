/**
 * A word that two threads see: may this piece of work still be cancelled? Whoever computes asks between its parts, and says
 * when it begins to change what outlives it; a cancellation comes before that or not at all, so nothing is left half done.
 */
import { abortError } from '../../base/abort.ts'

const OPEN = 0
const CANCELLED = 1
const COMMITTED = 2

export class Cancel {
  /** shared by every `Cancel` of the same work; survives structured cloning */
  readonly word: Int32Array

  constructor(word: Int32Array = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))) {
    this.word = word
  }

  /** False when it is too late: the work ends as if nobody had asked. */
  cancel(): boolean {
    return Atomics.compareExchange(this.word, 0, OPEN, CANCELLED) !== COMMITTED
  }

  /** @throws CoveyError E_ABORTED */
  check(): void {
    if (Atomics.load(this.word, 0) === CANCELLED) throw abortError()
  }

  /** From here on it cannot be cancelled. @throws CoveyError E_ABORTED when it was before */
  commit(): void {
    Atomics.compareExchange(this.word, 0, OPEN, COMMITTED)
    this.check()
  }
}
