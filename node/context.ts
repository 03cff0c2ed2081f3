/** What a duty needs: the seams, the task, and what this node knows of it. */
import type { Adapter, LoraFactor, LoraLayout } from '../src/types/adapter.ts'
import type { Aggregator } from '../src/types/aggregate.ts'
import type { Clock } from '../src/types/clock.ts'
import type { PackedBatch, TokenizedExample, Tokenizer } from '../src/types/data.ts'
import type {
  Inference,
  InferenceEngine,
  OptimizerState,
  PerExample,
  Trainer,
  TrainingEngine,
} from '../src/types/engine.ts'
import type { Address, Ledger, RoundView, SettlementRules, TaskView } from '../src/types/ledger.ts'
import type { BaseModel } from '../src/types/model.ts'
import type { TaskSpec } from '../src/types/spec.ts'
import type { Store } from '../src/types/store.ts'
import type { Transport } from '../src/types/transport.ts'
import type { BlobAnnouncement } from '../src/types/wire.ts'
import type { Emit } from './events.ts'
import type { CohortSession } from './masked/cohorts.ts'
import type { Tamper, VoteTamper } from './misbehave.ts'
import type { PrivacyFloor } from './privacy/floor.ts'
import type { Providers } from './providers.ts'
import type { Canaries } from './scoring/canaries.ts'

export interface NodeComponents {
  readonly clock: Clock
  readonly store: Store
  readonly ledger: Ledger
  readonly transport: Transport
  readonly training: TrainingEngine
  readonly inference: InferenceEngine
  readonly tokenizer: Tokenizer
  readonly model: BaseModel
  readonly emit: Emit
  /** 32 bytes nobody can guess: salts of commitments */
  readonly randomBytes: (length: number) => Uint8Array
}

/** A node's own examples, already tokens; text goes no further than src/data. */
export interface PrivateData {
  readonly train: readonly TokenizedExample[]
  /** never trained on; a voter measures its veto here */
  readonly heldOut: readonly TokenizedExample[]
}

/** The probe as its owner holds it: one slice a round, with the proof that it belongs to the task. */
export interface ProbeBook {
  slice(
    round: number,
  ): { readonly digest: string; readonly bytes: Uint8Array; readonly proof: readonly `0x${string}`[] } | null
}

/** Engines that stay open from round to round. */
export interface Workbench {
  /** @param perExample the same at every call for the same factors */
  trainer(factors: readonly LoraFactor[], perExample?: PerExample): Promise<Trainer>
  /**
   * AdamW's moments from this node's last finished training of these factors, kept from round to round: begun anew, its first steps
   * move every value by the whole learning rate, whatever the gradient. In memory only: after a restart they begin anew.
   */
  readonly moments: Map<string, OptimizerState>
  inference(): Promise<Inference>
  close(): Promise<void>
}

export interface TaskContext extends NodeComponents {
  readonly task: number
  readonly spec: TaskSpec
  /** what the chain settles its rounds by */
  readonly rules: SettlementRules
  readonly layout: LoraLayout
  readonly initial: Adapter
  readonly aggregator: Aggregator
  readonly data: PrivateData | null
  readonly probe: ProbeBook | null
  readonly providers: Providers
  /** digest -> the pull that is under way */
  readonly pulls: Map<string, Promise<void>>
  readonly workbench: Workbench
  /** null in open mode */
  readonly masked: Masked | null
  /** what this node's owner allows */
  readonly privacy: PrivacyFloor
  /** of LoRA's directions, how many this node trains at most, where the task lets it choose; null or left out: all */
  readonly maxRank?: number | null
  /** back doors that the task's creator or this node's owner suspects; null = none */
  readonly canaries: Canaries | null
  /** only for demonstrations and tests of the defences */
  readonly tamper: Tamper | null
  readonly tamperVotes: VoteTamper | null
  readonly announce: (message: Omit<BlobAnnouncement, 'kind'>) => Promise<void>
  /** called with each new global adapter */
  readonly onGlobal: (global: GlobalAdapter) => void
}

/** A task in masked mode, for its duties: node/masked/masked-task.ts. */
export interface Masked {
  /** Notes an announcement; what it names is pulled when there is time. */
  hear(from: string, message: Pick<BlobAnnouncement, 'of' | 'round' | 'digest' | 'size'>): void
  /**
   * What the pure round asks: is there something to do, and must a voter still wait for sums?
   * @param late a voter does not wait any longer
   */
  facts(look: Look, late: boolean): Promise<{ readonly due: boolean; readonly waiting: boolean }>
  /** Takes the cohorts' protocol as far as it goes now. */
  step(look: Look, signal: AbortSignal): Promise<void>
  /** Before a training whose result could not be hidden: waits for the signal. @throws CoveyError E_ABORTED */
  expectCohort(round: number, signal: AbortSignal): Promise<void>
  /**
   * This node's delta (layout.size) as it is published. Waits for the cohort's roster: until the signal, when there will be none.
   * @throws CoveyError E_ABORTED
   */
  encode(round: number, delta: Float32Array, signal: AbortSignal): Promise<Uint8Array>
  /** @throws CoveyError E_DELTA unless the blob is this account's masked delta of the round */
  check(view: RoundView, account: Address, digest: string): Promise<void>
  /** The round's cohorts as far as they are known, for a voter. */
  cohorts(view: RoundView): Promise<readonly CohortSession[]>
  /**
   * The included cohorts of a settled round: those whose survivors are all included.
   * @throws CoveyError E_BLOB_UNAVAILABLE when one cannot be opened yet
   */
  included(view: RoundView, signal: AbortSignal): Promise<CohortMeans>
  /** After a round was aggregated: its secrets go, and what was needed for it alone. */
  forget(round: number): Promise<void>
  /** Tells where the newest openings are, for those who come late. */
  announceOpenings(): Promise<void>
}

/** A round's included cohorts. */
export interface CohortMeans {
  /** (layout.size) each: the mean of the members' deltas */
  readonly deltas: readonly Float32Array[]
  /** how many members */
  readonly weights: readonly number[]
}

/** The agreed adapter after a round (0 = the initial one). */
export interface GlobalAdapter {
  readonly round: number
  readonly digest: string
  readonly values: Float32Array
}

/** The chain's state at one look. */
export interface Look {
  readonly task: TaskView
  readonly round: RoundView | null
  /** chain time, unix seconds */
  readonly now: number
}

/** A slice of the probe as batches, ready to be measured on. */
export type EvalSet = readonly PackedBatch[]
