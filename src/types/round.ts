import type { Address, RoundView, Scores, TaskView } from './ledger.ts'

/** What this node holds of one round; everything here is on disk before it counts. */
export interface LocalFacts {
  /** highest round whose global adapter this node has computed; 0 = the initial adapter */
  readonly aggregated: number
  /** own delta of this round: in the journal with its salt */
  readonly trained: { readonly digest: string; readonly size: number; readonly baseDigest: string } | null
  /** state of other proposers' deltas, by digest */
  readonly deltas: Readonly<Record<string, 'usable' | 'unusable'>>
  /** the probe slice's bytes are here and fit its digest */
  readonly haveSlice: boolean
  /** own scores of this round: in the journal with their salt */
  readonly scored: Scores | null
  /** this round's slice, when this node holds the task's probe (the creator's coordinator) */
  readonly ownSlice: { readonly digest: string; readonly size: number } | null
  /** of a task in masked mode: the cohorts' protocol can be taken further; a voter must wait for a sum. null in open mode */
  readonly cohorts: { readonly due: boolean; readonly waiting: boolean } | null
}

export interface RoundInput {
  readonly task: TaskView
  /** the open round, or the one that was last settled; null before the first */
  readonly round: RoundView | null
  readonly me: Address
  readonly enrolled: boolean
  /** the account has something to claim */
  readonly claimable: boolean
  readonly local: LocalFacts
  /** chain time, unix seconds */
  readonly now: number
  /** chain time at which this node first saw the task in its present round and phase, unix seconds; at most `now` */
  readonly since: number
  /** what this node is for; a keeper also starts rounds and ends phases that nobody else ended */
  readonly duties: { readonly participate: boolean; readonly keep: boolean }
}

/** What to do next. Doing one twice is harmless. */
export type Action =
  | { readonly kind: 'join' }
  | { readonly kind: 'start-round'; readonly round: number }
  | { readonly kind: 'aggregate'; readonly round: number }
  | { readonly kind: 'train'; readonly round: number }
  | { readonly kind: 'commit'; readonly round: number }
  | { readonly kind: 'reveal'; readonly round: number }
  | { readonly kind: 'reveal-probe'; readonly round: number }
  /** fetch what is missing: deltas of this round, the slice */
  | {
      readonly kind: 'pull'
      readonly round: number
      readonly digests: readonly {
        readonly digest: string
        readonly size: number
        readonly of: 'delta' | 'slice'
        readonly account: Address
      }[]
    }
  /** take the protocol of the round's cohorts as far as it goes */
  | { readonly kind: 'cohort'; readonly round: number }
  | { readonly kind: 'score'; readonly round: number }
  | { readonly kind: 'commit-scores'; readonly round: number }
  | { readonly kind: 'reveal-scores'; readonly round: number }
  | { readonly kind: 'advance' }
  | { readonly kind: 'claim' }
  /** nothing before this chain time, unless a fact changes */
  | { readonly kind: 'wait'; readonly until: number }
  /** the task is over for this node */
  | { readonly kind: 'done' }
