/** Names of what a node writes down, in one place: a name is never used for two things. */
import type { MaskedBody } from '../src/privacy/masked/messages.ts'
import type { LoraFactor } from '../src/types/adapter.ts'
import type { Scores } from '../src/types/ledger.ts'
import type { CanaryHit } from './scoring/canaries.ts'

const pad = (n: number): string => String(n).padStart(8, '0')

/** Journal: written once, before anything leaves the process. */
export const journalKeys = {
  delta: (task: number, round: number): string => `delta/${pad(task)}/${pad(round)}`,
  /** all of a node's own */
  deltas: (): string => 'delta/',
  /** all of a node's own */
  votes: (): string => 'scores/',
  /** of a delta's key, or of a vote's */
  placeOf: (key: string): { task: number; round: number } => {
    const [, task, round] = key.split('/').map(Number)
    return { task: task as number, round: round as number }
  },
  scores: (task: number, round: number): string => `scores/${pad(task)}/${pad(round)}`,
  /** -> BlobRecord: what this node said in its cohort, each kind once */
  said: (task: number, round: number, kind: MaskedBody['kind']): string => `said/${pad(task)}/${pad(round)}/${kind}`,
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
  /** back doors that deltas open, for this node's owner: the vote says no more than a veto; left out where none was found */
  readonly canaries?: readonly CanaryHit[]
  readonly salt: `0x${string}`
}

/** A published blob. */
export interface BlobRecord {
  readonly digest: string
  readonly size: number
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
  /** -> 64 hex digits: what a member's secrets of one round follow from; deleted when the round is aggregated */
  maskRoot: (task: number, round: number): string => `mask-root/${pad(task)}/${pad(round)}`,
  maskRoots: (task: number): string => `mask-root/${pad(task)}/`,
  /** -> size: the messages of a round's cohorts that were taken */
  cohortMessage: (task: number, round: number, digest: string): string =>
    `cohort-message/${pad(task)}/${pad(round)}/${digest}`,
  /** of one round, or of all of them */
  cohortMessages: (task: number, round?: number): string =>
    `cohort-message/${pad(task)}/${round === undefined ? '' : `${pad(round)}/`}`,
  roundOf: (key: string): number => Number(key.split('/')[2]),
  /** -> BlobRecord: the openings of this round's included cohorts, and those of earlier rounds behind it */
  openings: (task: number, round: number): string => `openings/${pad(task)}/${pad(round)}`,
  residualRound: (key: string): number => Number(key.split('/')[3]),
}

/** Digests of global(round) and of the adapter that it was built on. */
export interface LineRecord {
  readonly global: string
  readonly base: string
  /** of an adaptive outer step: those that belong to `global`, and to `base`; left out where no round made any */
  readonly moments?: MomentsRecord
  readonly baseMoments?: MomentsRecord
  /** of which settlement it was made (duties/retreat.ts); a reorganisation may give the round another */
  readonly settled?: string
}

/** Digests of two blobs in the form of an adapter's. */
export interface MomentsRecord {
  readonly m: string
  readonly v: string
}
