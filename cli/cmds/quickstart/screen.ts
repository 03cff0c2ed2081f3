/**
 * What a person sees while a quickstart runs: on a terminal a picture that is drawn again in place, elsewhere (a pipe,
 * CI, `--json`, where it goes to standard error) a line for each thing that happened.
 */
import type { ChildEvent } from './fleet.ts'

export interface ScreenOptions {
  readonly out: NodeJS.WriteStream
  /** draw in place */
  readonly live: boolean
  readonly rounds: number
}

interface NodeLine {
  seat: 'proposer' | 'voter' | ''
  doing: string
  /** 0 to 1, or null when there is nothing to measure */
  progress: number | null
}

const REDRAW_EVERY_MS = 200
const BAR = 20

export class Screen {
  readonly #options: ScreenOptions
  readonly #nodes = new Map<string, NodeLine>()
  readonly #names = new Map<string, string>()
  readonly #start = performance.now()
  #title = 'starting'
  #drawn = 0
  #timer: NodeJS.Timeout | undefined
  #round = 0
  #pulled = 0

  constructor(options: ScreenOptions) {
    this.#options = options
    if (options.live) {
      this.#timer = setInterval(() => this.#draw(), REDRAW_EVERY_MS)
      this.#timer.unref()
    }
  }

  /** Accounts are shown by the name of the process that holds them. */
  name(account: string, name: string): void {
    this.#names.set(account.toLowerCase(), name)
    this.#nodes.set(name, { seat: '', doing: 'starting', progress: null })
  }

  nameOf(account: string): string {
    return this.#names.get(account.toLowerCase()) ?? account.slice(0, 10)
  }

  /** A line that stays. */
  say(text: string): void {
    this.#erase()
    const seconds = ((performance.now() - this.#start) / 1000).toFixed(0).padStart(4)
    this.#options.out.write(`${seconds}s  ${text}\n`)
    this.#draw()
  }

  /** What the whole is doing now; the top line of the picture. */
  title(text: string): void {
    this.#title = text
  }

  /** One event of one process. */
  show(name: string, event: ChildEvent): void {
    const line = this.#nodes.get(name)
    switch (event.event) {
      case 'phase':
        this.#phase(event as unknown as PhaseEvent)
        return
      case 'training': {
        const e = event as unknown as {
          step: number
          steps: number
          loss: number
          tokensPerSecond: number
          secondsLeft: number
        }
        if (line === undefined) return
        line.doing = `training ${e.step}/${e.steps}  loss ${e.loss.toFixed(3)}  ${Math.round(e.tokensPerSecond)} tokens/s  ${Math.ceil(e.secondsLeft)} s left`
        line.progress = e.step / e.steps
        return
      }
      case 'privacy': {
        const e = event as unknown as { epsilon: number; of: number; unit: string; round: number }
        this.say(
          `${name}: privacy by ${e.unit}: epsilon ${e.epsilon.toFixed(3)} of ${e.of} spent with round ${e.round}`,
        )
        return
      }
      case 'delta': {
        const e = event as unknown as { size: number; digest: string; seconds: number }
        this.#set(line, `delta ${e.digest.slice(0, 8)} (${kb(e.size)}) after ${e.seconds.toFixed(1)} s`)
        return
      }
      case 'pulled': {
        const e = event as unknown as { of: string; digest: string; size: number; account: string | null }
        this.#pulled += e.size
        this.#set(
          line,
          `pulled ${e.of} ${e.digest.slice(0, 8)} (${kb(e.size)})${e.account === null ? '' : ` of ${this.nameOf(e.account)}`}`,
        )
        return
      }
      case 'scored': {
        const e = event as unknown as { probe: number[]; canaries: { seat: number }[]; seconds: number }
        const doors = new Set(e.canaries.map(({ seat }) => seat + 1))
        const opened = doors.size === 0 ? '' : `, suspected back door in seat ${[...doors].join(', ')}`
        this.#set(line, `scored ${e.probe.map(nats).join(' ')} in ${e.seconds.toFixed(1)} s${opened}`)
        return
      }
      case 'aggregated': {
        const e = event as unknown as { digest: string; included: number }
        this.#set(line, `global adapter ${e.digest.slice(0, 8)} of ${e.included} deltas`)
        return
      }
      case 'problem': {
        const e = event as unknown as { code: string; message: string; doing: string }
        this.say(`${name}: ${e.doing}: ${e.message} (${e.code})`)
        return
      }
    }
  }

  /** A round's outcome: one table of who did what and was worth how much. */
  settled(round: SettledRound): void {
    const rows = round.proposers.map((seat, i) => {
      const out = round.settlement.proposers[i]
      return `${this.nameOf(seat.account)} ${out?.outcome} ${nats(out?.median ?? 0)}`
    })
    const { rolledBack } = round.settlement
    this.say(
      `round ${round.round}/${this.#options.rounds} settled: ${rows.join(' · ')}${rolledBack ? ' · incumbent rolled back' : ''}`,
    )
  }

  close(): void {
    if (this.#timer !== undefined) clearInterval(this.#timer)
    this.#erase()
    this.#timer = undefined
  }

  #phase(e: PhaseEvent): void {
    if (e.round !== this.#round && e.round > 0 && e.phase !== 'idle') {
      this.#round = e.round
      for (const line of this.#nodes.values())
        Object.assign(line, { seat: '', doing: 'no seat in this round', progress: null })
      for (const account of e.proposers) this.#seat(account, 'proposer')
      for (const account of e.voters) this.#seat(account, 'voter')
      if (!this.#options.live) {
        this.say(
          `round ${e.round}/${this.#options.rounds}: proposers ${e.proposers.map((a) => this.nameOf(a)).join(' ')}, voters ${e.voters.map((a) => this.nameOf(a)).join(' ')}`,
        )
      }
    }
    const left = e.deadline > 0 ? `, at most ${Math.max(0, Math.round(e.deadline - Date.now() / 1000))} s` : ''
    this.#title =
      e.phase === 'idle'
        ? `between rounds (${e.round} of ${this.#options.rounds} done)`
        : `round ${e.round}/${this.#options.rounds}: ${e.phase}${left}`
  }

  #seat(account: string, seat: 'proposer' | 'voter'): void {
    const line = this.#nodes.get(this.nameOf(account))
    if (line !== undefined) Object.assign(line, { seat, doing: 'waiting' })
  }

  #set(line: NodeLine | undefined, doing: string): void {
    if (line !== undefined) Object.assign(line, { doing, progress: null })
  }

  #draw(): void {
    if (this.#timer === undefined) return
    this.#erase()
    const width = this.#options.out.columns ?? 100
    const lines = [`${this.#title}   (${kb(this.#pulled)} pulled so far)`]
    for (const [name, { seat, doing, progress }] of this.#nodes) {
      const bar = progress === null ? ' '.repeat(BAR) : '█'.repeat(Math.round(progress * BAR)).padEnd(BAR, '░')
      lines.push(`${name.padEnd(12)} ${seat.padEnd(9)} ${bar} ${doing}`)
    }
    this.#options.out.write(`${lines.map((l) => l.slice(0, width - 1)).join('\n')}\n`)
    this.#drawn = lines.length
  }

  #erase(): void {
    if (this.#drawn > 0) this.#options.out.write(`\x1b[${this.#drawn}A\x1b[0J`)
    this.#drawn = 0
  }
}

interface PhaseEvent {
  readonly round: number
  readonly phase: string
  readonly deadline: number
  readonly proposers: readonly string[]
  readonly voters: readonly string[]
}

/** A `settled` event's round as it arrives through a pipe: money is text there. */
export interface SettledRound {
  readonly round: number
  readonly proposers: readonly {
    readonly account: string
    readonly reveal: { readonly digest: string; readonly size: number } | null
  }[]
  readonly voters: readonly { readonly account: string }[]
  readonly settlement: {
    readonly proposers: readonly {
      readonly outcome: string
      readonly median: number
      readonly paid: string
      readonly slashBps: number
    }[]
    readonly voters: readonly { readonly outcome: string; readonly paid: string; readonly slashBps: number }[]
    readonly rolledBack: boolean
  }
}

const kb = (bytes: number): string =>
  bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.round(bytes / 1e3)} kB`

/** The chain's integer scores as nats. */
const nats = (score: number): string =>
  score === -32_768 ? 'absent' : `${score >= 0 ? '+' : ''}${(score / 10_000).toFixed(3)}`
