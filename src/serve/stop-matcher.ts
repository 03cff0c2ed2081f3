/** Finds stop strings in text that comes in pieces, without letting a part of one slip out. */
export class StopMatcher {
  private readonly stops: readonly string[]
  private held = ''
  private found = false

  /** @param stops not empty strings */
  constructor(stops: readonly string[]) {
    this.stops = stops
  }

  /** true once a stop string has been seen; nothing comes out any more */
  get stopped(): boolean {
    return this.found
  }

  /** @returns the text that can go out: neither a stop string nor the possible beginning of one */
  push(text: string): string {
    if (this.found) return ''
    this.held += text
    // the one that is complete first, so that the result does not depend on how the text was cut
    let first: { readonly at: number; readonly end: number } | undefined
    for (const stop of this.stops) {
      const at = this.held.indexOf(stop)
      const end = at + stop.length
      if (at >= 0 && (first === undefined || end < first.end || (end === first.end && at < first.at)))
        first = { at, end }
    }
    if (first !== undefined) {
      this.found = true
      const out = this.held.slice(0, first.at)
      this.held = ''
      return out
    }
    const keep = Math.max(0, ...this.stops.map((stop) => overlap(this.held, stop)))
    const out = this.held.slice(0, this.held.length - keep)
    this.held = this.held.slice(this.held.length - keep)
    return out
  }

  /** The text held back, when no more will come. */
  flush(): string {
    const out = this.held
    this.held = ''
    return this.found ? '' : out
  }
}

/** length of the longest end of `text` that is a proper beginning of `stop` */
function overlap(text: string, stop: string): number {
  for (let n = Math.min(text.length, stop.length - 1); n > 0; n--) if (text.endsWith(stop.slice(0, n))) return n
  return 0
}
