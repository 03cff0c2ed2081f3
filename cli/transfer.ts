/** How a transfer goes, for people in one line and for programs in numbers: how much, how fast, how long still. */
import type { PullProgress } from '../src/hub/collect.ts'
import { byteSize, duration } from './common.ts'

/** The rate is that of the last seconds: what was fast once says nothing about how long the rest takes. */
const WINDOW_MS = 8_000
const SAMPLE_MS = 250
const BAR_CHARS = 24

export interface TransferState {
  readonly bytes: number
  readonly totalBytes: number
  /** 0 until something has come */
  readonly bytesPerSecond: number
  /** null while it cannot be told */
  readonly secondsLeft: number | null
}

export class Transfer {
  readonly #now: () => number
  #samples: { readonly at: number; readonly fresh: number }[] = []
  #last: PullProgress = { done: 0, total: 0, fresh: 0 }

  /** @param now milliseconds */
  constructor(now: () => number) {
    this.#now = now
    this.#samples.push({ at: now(), fresh: 0 })
  }

  /** @returns true when so much time has passed since the last true that a line is worth showing */
  add(progress: PullProgress): boolean {
    this.#last = progress
    const at = this.#now()
    if (at - (this.#samples.at(-1)?.at ?? 0) < SAMPLE_MS) return false
    this.#samples.push({ at, fresh: progress.fresh })
    // one older than the window stays, so that there is always something to count from
    while ((this.#samples[1]?.at ?? at) < at - WINDOW_MS) this.#samples.shift()
    return true
  }

  state(): TransferState {
    const { done, total, fresh } = this.#last
    const first = this.#samples[0]
    const seconds = first === undefined ? 0 : (this.#now() - first.at) / 1000
    const bytesPerSecond = seconds > 0 ? Math.max(0, fresh - (first?.fresh ?? 0)) / seconds : 0
    const secondsLeft = bytesPerSecond > 0 ? (total - done) / bytesPerSecond : null
    return { bytes: done, totalBytes: total, bytesPerSecond, secondsLeft }
  }

  /** `[######····]  45 %  121.1 of 269.1 MB  3.1 MB/s  48 s left` */
  line(): string {
    const { bytes, totalBytes, bytesPerSecond, secondsLeft } = this.state()
    const share = totalBytes > 0 ? Math.min(1, Math.max(0, bytes / totalBytes)) : 0
    const filled = Math.floor(share * BAR_CHARS)
    const parts = [
      `[${'#'.repeat(filled)}${'·'.repeat(BAR_CHARS - filled)}] ${String(Math.floor(share * 100)).padStart(3)} %`,
      `${byteSize(bytes)} of ${byteSize(totalBytes)}`,
    ]
    if (bytesPerSecond > 0) parts.push(`${byteSize(Math.round(bytesPerSecond))}/s`)
    if (secondsLeft !== null) parts.push(`${duration(secondsLeft)} left`)
    return parts.join('  ')
  }
}
