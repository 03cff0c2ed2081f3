/** What a node tells whoever started it: one JSON object a line with `--json`, a sentence otherwise. Never holds private text. */
import type { Address, Phase, RoundView } from '../src/types/ledger.ts'
import type { TransportStats } from '../src/types/transport.ts'
import type { CanaryHit } from './scoring/canaries.ts'

export type NodeEvent =
  | {
      readonly event: 'ready'
      readonly account: Address
      readonly peerId: string
      readonly addresses: readonly string[]
    }
  | { readonly event: 'task'; readonly task: number; readonly specDigest: string; readonly examples: number }
  | {
      readonly event: 'phase'
      readonly task: number
      readonly round: number
      readonly phase: Phase
      readonly deadline: number
      readonly proposers: readonly Address[]
      readonly voters: readonly Address[]
    }
  | {
      readonly event: 'training'
      readonly round: number
      readonly step: number
      readonly steps: number
      readonly loss: number
      readonly tokensPerSecond: number
      readonly secondsLeft: number
    }
  | {
      /** a round's receipt: what this node's deltas may have told of its data, this round's included */
      readonly event: 'privacy'
      readonly task: number
      readonly round: number
      readonly unit: 'example' | 'node'
      /** of this round; see src/privacy/accounting/release.ts */
      readonly noise: number
      readonly rate: number
      readonly steps: number
      /** spent in this task, of what it may spend, at delta */
      readonly epsilon: number
      readonly of: number
      readonly delta: number
      /** spent in all tasks and allowed, at the owner's delta; null when no budget is kept */
      readonly total: number | null
      readonly budget: number | null
    }
  | {
      readonly event: 'delta'
      readonly round: number
      readonly digest: string
      readonly size: number
      readonly seconds: number
    }
  | {
      readonly event: 'pulled'
      readonly round: number
      readonly of: 'delta' | 'slice' | 'spec' | 'cohort'
      readonly digest: string
      readonly size: number
      readonly account: Address | null
    }
  | {
      readonly event: 'scored'
      readonly round: number
      readonly probe: readonly number[]
      readonly private: readonly number[]
      /** suspected back doors that deltas open: vetoed */
      readonly canaries: readonly CanaryHit[]
      readonly seconds: number
    }
  | { readonly event: 'settled'; readonly round: RoundView }
  /** a reorganisation gave this round another settlement: it and those after it are aggregated anew */
  | { readonly event: 'taken-back'; readonly round: number }
  | {
      readonly event: 'aggregated'
      readonly round: number
      readonly digest: string
      readonly included: number
      readonly rolledBack: boolean
    }
  | {
      /** a cohort's sum was opened */
      readonly event: 'cohort'
      readonly round: number
      readonly cohort: number
      readonly members: number
      /** members in the sum; 0: it is one that honest members cannot make */
      readonly summed: number
    }
  | { readonly event: 'disagreement'; readonly round: number; readonly agreed: string; readonly own: string }
  | { readonly event: 'serving'; readonly url: string; readonly model: string }
  | {
      readonly event: 'stats'
      readonly transport: TransportStats
      readonly rssMb: number
      readonly gas: Readonly<Record<string, { readonly calls: number; readonly gas: string }>>
    }
  | { readonly event: 'problem'; readonly code: string; readonly message: string; readonly doing: string }
  | { readonly event: 'finished'; readonly task: number }

export type Emit = (event: NodeEvent) => void
