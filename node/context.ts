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
import type { Ledger, RoundView, TaskView } from '../src/types/ledger.ts'
import type { BaseModel } from '../src/types/model.ts'
import type { TaskSpec } from '../src/types/spec.ts'
import type { Store } from '../src/types/store.ts'
import type { Transport } from '../src/types/transport.ts'
import type { BlobAnnouncement } from '../src/types/wire.ts'
import type { Emit } from './events.ts'
import type { MaskedTask } from './masked/masked-task.ts'
import type { Tamper } from './misbehave.ts'
import type { PrivacyFloor } from './privacy/floor.ts'
import type { Providers } from './providers.ts'

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
  readonly masked: MaskedTask | null
  /** what this node's owner allows */
  readonly privacy: PrivacyFloor
  /** only for demonstrations and tests of the defences */
  readonly tamper: Tamper | null
  readonly announce: (message: Omit<BlobAnnouncement, 'kind'>) => Promise<void>
  /** called with each new global adapter */
  readonly onGlobal: (global: GlobalAdapter) => void
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
