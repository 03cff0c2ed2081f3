/** What `covey quickstart` can be told. */
import type { DeltaEncoding } from '../../../src/types/adapter.ts'
import type { Precision } from '../../../src/types/engine.ts'
import type { AggregationRule, RobustStepName } from '../../../src/types/spec.ts'

export interface QuickstartOptions {
  readonly nodes: number
  readonly rounds: number
  readonly proposers: number
  readonly voters: number
  /** optimizer steps of one proposer in one round */
  readonly steps: number
  readonly batch: number
  readonly rank: number
  readonly alpha: number
  readonly learningRate: number
  readonly schedule: 'constant' | 'cosine'
  /** µ of FedProx; 0 = none */
  readonly proximal: number
  readonly rule: AggregationRule
  /** of residual-svd; null: half of the rank */
  readonly residual: number | null
  /** of the nodes, over again; empty: all train the whole rank */
  readonly ranks: readonly number[]
  /** in front of the rule, in this order */
  readonly robust: readonly RobustStepName[]
  readonly outer: 'momentum' | 'adam' | 'yogi'
  /** null: what is usual for the step */
  readonly outerRate: number | null
  readonly outerMomentum: number
  /** of adam and yogi */
  readonly outerBeta1: number
  readonly outerBeta2: number
  readonly outerTau: number
  readonly encoding: DeltaEncoding
  /** privacy budget of the task, or null for none; what it protects, and what is clipped to */
  readonly dp: number | null
  readonly dpUnit: 'example' | 'node' | null
  readonly dpClip: number
  readonly sliceExamples: number
  /** held-out examples for the rounds before the last; the last is measured on all */
  readonly evalExamples: number
  /** a phase may last this long, the train and score phases a multiple of it, seconds */
  readonly phaseSeconds: number
  /** of the products with frozen weights in training */
  readonly precision: 'auto' | Precision
  readonly model: string
  readonly dir: string
  readonly port: number
  readonly seed: number
  readonly liar: number
  /** of the liars, as `--misbehave` takes it */
  readonly attack: string
  readonly idle: number
  readonly crash: number
  /** secure aggregation over cohorts of at least so many */
  readonly masked: boolean
  readonly cohort: number
  readonly data: string | null
  readonly test: string | null
  readonly prompt: string | null
  readonly completion: string | null
  readonly partitionBy: string | null
  readonly compare: boolean
  readonly keep: boolean
  readonly json: boolean
}
