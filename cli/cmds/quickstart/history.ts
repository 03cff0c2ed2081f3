/** Remembers what the processes told, and makes the rounds of the result out of it. */
import { CoveyError } from '../../../src/base/errors.ts'
import { SCORE_SCALE } from '../../../src/types/ledger.ts'
import type { ChildEvent } from './fleet.ts'
import type { CohortResult, PrivacySpent, RoundResult } from './result.ts'
import type { Screen, SettledRound } from './screen.ts'

interface Counters {
  gossiped: number
  pulled: number
  gas: Record<string, number>
}

export interface PhaseSeen {
  readonly round: number
  readonly phase: string
  readonly proposers: readonly string[]
  readonly voters: readonly string[]
}

interface RoundNotes {
  trainAt?: number
  revealAt?: number
  settledAt?: number
  settled?: SettledRound
  counters?: Counters
  cohorts?: (CohortResult | null)[]
}

const noCounters = (): Counters => ({ gossiped: 0, pulled: 0, gas: {} })

export class History {
  readonly #screen: Screen
  readonly #seen = new Map<string, ChildEvent>()
  readonly #waiting = new Map<string, ((event: ChildEvent) => void)[]>()
  readonly #rounds = new Map<number, RoundNotes>()
  /** node -> round -> digest of its global adapter */
  readonly #digests = new Map<string, Map<number, string>>()
  /** counters of each process since it began, as last told */
  readonly #stats = new Map<string, Counters>()
  /** last counters of processes that were killed */
  readonly #ended: Counters[] = []
  readonly #phases = new Set<string>()
  /** by node: its last receipt */
  readonly #privacy = new Map<string, PrivacySpent>()
  #newest = 0

  constructor(screen: Screen) {
    this.#screen = screen
  }

  add(name: string, event: ChildEvent): void {
    const now = performance.now()
    const round = typeof event.round === 'number' ? event.round : 0
    if (event.event === 'phase') {
      const notes = this.#notes(round)
      const key = `${round} ${event.phase}`
      if (!this.#phases.has(key)) {
        this.#phases.add(key)
        this.onPhase(event as unknown as PhaseSeen)
      }
      if (event.phase === 'train') notes.trainAt ??= now
      if (event.phase === 'reveal') notes.revealAt ??= now
    } else if (event.event === 'settled') {
      this.#settled(event.round as unknown as SettledRound, now)
    } else if (event.event === 'aggregated') {
      const digests = this.#digests.get(name) ?? new Map<number, string>()
      this.#digests.set(name, digests.set(round, String(event.digest)))
    } else if (event.event === 'privacy') {
      const { epsilon, of, delta, unit } = event as unknown as PrivacySpent
      this.#privacy.set(name, { node: name, unit, epsilon, of, delta })
    } else if (event.event === 'cohort') this.#opened(event)
    else if (event.event === 'stats') this.#count(name, event)
    this.#screen.show(name, event)
    const key = `${name} ${event.event}`
    this.#seen.set(key, event)
    for (const resolve of this.#waiting.get(key) ?? []) resolve(event)
    this.#waiting.delete(key)
  }

  /** What a process said that has been killed holds no longer: its next life serves at another address. */
  forget(name: string): void {
    for (const key of this.#seen.keys()) if (key.startsWith(`${name} `)) this.#seen.delete(key)
  }

  /** The event, also when it came before the question. @throws CoveyError E_TIMEOUT */
  wait(name: string, kind: string, timeout_ms: number): Promise<ChildEvent> {
    const key = `${name} ${kind}`
    const seen = this.#seen.get(key)
    if (seen !== undefined) return Promise.resolve(seen)
    return new Promise((resolve, reject) => {
      const timer = Number.isFinite(timeout_ms)
        ? setTimeout(
            () =>
              reject(
                new CoveyError(
                  'E_TIMEOUT',
                  `${name} did not say "${kind}" within ${timeout_ms / 1000} s: see its log`,
                  { name, kind },
                ),
              ),
            timeout_ms,
          )
        : undefined
      const waiting = this.#waiting.get(key) ?? []
      waiting.push((event) => {
        clearTimeout(timer)
        resolve(event)
      })
      this.#waiting.set(key, waiting)
    })
  }

  /** what each node that trained has spent; null where deltas have no noise */
  privacy(): readonly PrivacySpent[] | null {
    const spent = [...this.#privacy.values()].sort((a, b) => a.node.localeCompare(b.node))
    return spent.length === 0 ? null : spent
  }

  lastDigest(node: string): string {
    return this.#digests.get(node)?.get(this.#newest) ?? 'none'
  }

  rounds(): RoundResult[] {
    let before = noCounters()
    return [...this.#rounds.entries()]
      .filter(([, notes]) => notes.settled !== undefined)
      .sort(([a], [b]) => a - b)
      .map(([round, notes]) => {
        const { proposers, settlement } = notes.settled as SettledRound
        const at = notes.counters ?? before
        const gas = Object.fromEntries(
          Object.entries(at.gas)
            .map(([name, sum]) => [name, sum - (before.gas[name] ?? 0)] as const)
            .filter(([, sum]) => sum > 0),
        )
        const result: RoundResult = {
          round,
          seconds: seconds(notes.trainAt, notes.settledAt),
          trainSeconds: seconds(notes.trainAt, notes.revealAt),
          included: proposers.filter((_, i) => settlement.proposers[i]?.outcome === 'included').map((p) => p.account),
          medians: Object.fromEntries(
            proposers.map((p, i) => [p.account, (settlement.proposers[i]?.median ?? 0) / SCORE_SCALE]),
          ),
          outcomes: Object.fromEntries(proposers.map((p, i) => [p.account, settlement.proposers[i]?.outcome ?? ''])),
          globalDigest: this.#digestOf(round),
          ...(notes.cohorts === undefined ? {} : { cohorts: Array.from(notes.cohorts, (c) => c ?? null) }),
          bytesGossiped: at.gossiped - before.gossiped,
          bytesPulled: at.pulled - before.pulled,
          gas,
        }
        before = at
        return result
      })
  }

  /** Called at each new phase, once. */
  onPhase: (phase: PhaseSeen) => void = () => undefined

  /** Roles that an account had, over all rounds. */
  roleOf(account: string): string {
    const roles = new Set<string>()
    for (const { settled } of this.#rounds.values()) {
      if (settled?.proposers.some((p) => p.account === account)) roles.add('proposer')
      if (settled?.voters.some((v) => v.account === account)) roles.add('voter')
    }
    return [...roles].sort().join(', ') || 'none'
  }

  #notes(round: number): RoundNotes {
    const notes = this.#rounds.get(round) ?? {}
    this.#rounds.set(round, notes)
    return notes
  }

  #settled(settled: SettledRound, now: number): void {
    const notes = this.#notes(settled.round)
    if (notes.settled !== undefined) return
    notes.settled = settled
    notes.settledAt = now
    this.#newest = Math.max(this.#newest, settled.round)
    this.#screen.settled(settled)
  }

  /** Every node that opens a cohort finds the same: the first one tells. */
  #opened(event: ChildEvent): void {
    const { round, cohort, members, summed } = event as unknown as { round: number; cohort: number } & CohortResult
    const notes = this.#notes(round)
    notes.cohorts ??= []
    if (notes.cohorts[cohort] != null) return
    notes.cohorts[cohort] = { members, summed }
    this.#screen.say(`round ${round}: the sum of ${summed} of ${members} masked deltas is open`)
  }

  #count(name: string, event: ChildEvent): void {
    const { transport, gas } = event as unknown as {
      transport: { bytesGossiped: number; bytesPulled: number }
      gas: Record<string, { gas: string }>
    }
    const now: Counters = {
      gossiped: transport.bytesGossiped,
      pulled: transport.bytesPulled,
      gas: Object.fromEntries(Object.entries(gas).map(([call, g]) => [call, Number(g.gas)])),
    }
    const last = this.#stats.get(name)
    // a process that was started again counts from zero: keep what the one before it had counted
    if (last !== undefined && now.gossiped < last.gossiped) this.#ended.push(last)
    this.#stats.set(name, now)
    const total = noCounters()
    for (const c of [...this.#stats.values(), ...this.#ended]) {
      total.gossiped += c.gossiped
      total.pulled += c.pulled
      for (const [call, sum] of Object.entries(c.gas)) total.gas[call] = (total.gas[call] ?? 0) + sum
    }
    if (this.#newest > 0) this.#notes(this.#newest).counters = total
  }

  #digestOf(round: number): string {
    for (const digests of this.#digests.values()) {
      const digest = digests.get(round)
      if (digest !== undefined) return digest
    }
    return 'none'
  }
}

const seconds = (from: number | undefined, to: number | undefined): number =>
  from === undefined || to === undefined ? 0 : Math.round((to - from) / 10) / 100
