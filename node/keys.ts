/** Names of what a node writes down, in one place: a name is never used for two things. */
import type { LoraFactor } from '../src/types/adapter.ts'
import type { Scores } from '../src/types/ledger.ts'

const pad = (n: number): string => String(n).padStart(8, '0')

/** Journal: written once, before anything leaves the process. */
export const journalKeys = {
  delta: (task: number, round: number): string => `delta/${pad(task)}/${pad(round)}`,
  /** all of a node's own */
  deltas: (): string => 'delta/',
  deltaOf: (key: string): { task: number; round: number } => {
    const [, task, round] = key.split('/').map(Number)
    return { task: task as number, round: round as number }
  },
  scores: (task: number, round: number): string => `scores/${pad(task)}/${pad(round)}`,
  /** -> ReleaseRecord: what this round's delta may tell, on record before it is trained */
  release: (task: number, round: number): string => `release/${pad(task)}/${pad(round)}`,
  /** of one task, or of all */
  releases: (task?: number): string => `release/${task === undefined ? '' : `${pad(task)}/`}`,
  /** -> ReleaseRecord: that of every round of a task */
  noise: (task: number): string => `noise/${pad(task)}`,
}

export interface DeltaRecord {
  readonly digest: string
  readonly size: number
  readonly baseDigest: string
  readonly salt: `0x${string}`
}

export interface ScoresRecord {
  readonly scores: Scores
  readonly salt: `0x${string}`
}

/** Facts: may be computed again, or lost without harm to anybody. */
export const factKeys = {
  /** -> LineRecord */
  line: (task: number, round: number): string => `line/${pad(task)}/${pad(round)}`,
  /** -> 'usable' | 'unusable' */
  check: (task: number, round: number, digest: string): string => `check/${pad(task)}/${pad(round)}/${digest}`,
  checks: (task: number, round: number): string => `check/${pad(task)}/${pad(round)}/`,
  /** -> highest aggregated round */
  aggregated: (task: number): string => `aggregated/${pad(task)}`,
  /** -> one part of what was left out of this round's delta, see residual.ts */
  residual: (task: number, factors: readonly LoraFactor[], round: number, chunk: number): string =>
    `residual/${pad(task)}/${factors.join('')}/${pad(round)}/${pad(chunk)}`,
  /** of one set of factors, or of all of them */
  residuals: (task: number, factors?: readonly LoraFactor[]): string =>
    `residual/${pad(task)}/${factors === undefined ? '' : `${factors.join('')}/`}`,
  residualRound: (key: string): number => Number(key.split('/')[3]),
}

/** Digests of global(round) and of the adapter that it was built on. */
export interface LineRecord {
  readonly global: string
  readonly base: string
}
