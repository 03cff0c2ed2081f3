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
    let first = -1
    for (const stop of this.stops) {
      const at = this.held.indexOf(stop)
      if (at >= 0 && (first < 0 || at < first)) first = at
    }
    if (first >= 0) {
      this.found = true
      const out = this.held.slice(0, first)
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
