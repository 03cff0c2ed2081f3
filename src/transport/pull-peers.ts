/** Who may be asked in one pull: the order, the waits after "not found" and failures, and who is out for good. */

/** Failures of one peer in one pull after which it is not asked again, when only whole blobs from one peer count. */
const MAX_STRIKES = 2

interface PeerState {
  /** not before this (performance.now) */
  readyAt: number
  wait_ms: number
  /** refusals and failures so far */
  refused: number
  strikes: number
  /** the last answer, for the error message */
  last: string
  out: boolean
}

export class PullPeers {
  readonly #first: readonly string[]
  readonly #connected: () => readonly string[]
  readonly #lastResort: ReadonlySet<string>
  readonly #wait: { readonly first_ms: number; readonly most_ms: number }
  readonly #states = new Map<string, PeerState>()

  /**
   * @param first asked before all others
   * @param connected peers that can be asked now; self is not among them
   * @param lastResort peers that lied in an earlier pull: asked after all others
   */
  constructor(
    first: readonly string[],
    connected: () => readonly string[],
    lastResort: ReadonlySet<string>,
    wait: { readonly first_ms: number; readonly most_ms: number },
  ) {
    this.#first = first
    this.#connected = connected
    this.#lastResort = lastResort
    this.#wait = wait
  }

  /** Peers that may be asked at this moment, best first. */
  ready(now: number): string[] {
    const all = new Set([...this.#first, ...this.#connected()])
    const able = [...all].filter((peer) => {
      const state = this.#states.get(peer)
      return state === undefined || (!state.out && state.readyAt <= now)
    })
    // who failed least comes first: otherwise a few that stall would be asked in turns, and the rest never
    const rank = (peer: string): number =>
      (this.#lastResort.has(peer) ? 1e6 : 0) + (this.#states.get(peer)?.refused ?? 0)
    return able.sort((a, b) => rank(a) - rank(b))
  }

  /** The peer answered that it lacks the blob, or failed: it is asked again after a wait that doubles. */
  later(peer: string, why: string, now: number): void {
    const state = this.#state(peer)
    state.last = why
    state.refused++
    state.readyAt = now + state.wait_ms
    state.wait_ms = Math.min(state.wait_ms * 2, this.#wait.most_ms)
  }

  /** The peer served something: its next wait is short again. */
  good(peer: string): void {
    this.#state(peer).wait_ms = this.#wait.first_ms
  }

  /** The peer broke off in the middle of a blob that had to come from it alone. */
  strike(peer: string): void {
    const state = this.#state(peer)
    state.strikes++
    if (state.strikes >= MAX_STRIKES) this.out(peer, `broke off ${state.strikes} times`)
  }

  /** The peer lied or broke the protocol: not asked again in this pull. */
  out(peer: string, why: string): void {
    const state = this.#state(peer)
    state.out = true
    state.last = why
  }

  /** `peer: last answer`, for the error message. */
  told(): string[] {
    return [...this.#states].map(([peer, state]) => `${peer.slice(-8)}: ${state.last}`)
  }

  #state(peer: string): PeerState {
    let state = this.#states.get(peer)
    if (state === undefined) {
      state = { readyAt: 0, wait_ms: this.#wait.first_ms, refused: 0, strikes: 0, last: 'served', out: false }
      this.#states.set(peer, state)
    }
    return state
  }
}
