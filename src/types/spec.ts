import type { DeltaEncoding, LoraConfig } from './adapter.ts'

/** How the factors of a round's deltas become one adapter. See src/aggregate. */
export type AggregationRule = 'frozen-a' | 'alternating' | 'stacked-svd' | 'factor-mean' | 'residual-svd'

/** What stands in front of the rule and keeps liars small. See src/aggregate/robust. */
export type RobustStepName =
  | 'clip'
  | 'drop-copies'
  | 'cosine-gate'
  | 'bucketing'
  | 'multi-krum'
  | 'geometric-median'
  | 'centred-clip'
  | 'median'
  | 'trimmed-mean'

/** A task's canonical JSON; its sha256 is on chain and binds everyone. Parsed and checked by src/wire/spec.ts. */
export interface TaskSpec {
  readonly version: 1
  readonly name: string
  readonly model: { readonly name: string; readonly digest: string }
  readonly adapter: LoraConfig
  readonly training: TrainingSpec
  readonly aggregation: AggregationSpec
  readonly encoding: DeltaEncoding
  readonly privacy: PrivacySpec
  readonly scoring: ScoringSpec
  readonly data: DataSpec
}

/** What others see of a proposer's delta: all of it, or only its cohort's sum. */
export type PrivacySpec = OpenPrivacy | MaskedPrivacy

export interface OpenPrivacy {
  readonly mode: 'open'
  /** what is seen has noise; left out: it has none */
  readonly dp?: DpSpec
}

/**
 * Differential privacy of what a node publishes, docs/privacy.md. Each node makes the noise that its own number of examples asks
 * for, so that it spends at most `epsilon` at `delta` with a seat in every round.
 */
export interface DpSpec {
  /** what cannot be told: whether one example was there (DP-SGD), or anything of what a node trains on (DP-FedAvg, node by node) */
  readonly unit: 'example' | 'node'
  readonly epsilon: number
  readonly delta: number
  /** L2 norm that one example's gradient, or a node's delta, is clipped to */
  readonly clip: number
}

/** Secure aggregation, docs/masked.md. */
export interface MaskedPrivacy {
  readonly mode: 'masked'
  /** least members of a cohort, 3 or more */
  readonly cohort: number
  /** values of larger magnitude are clipped to this */
  readonly range: number
  /** each member masks with so many others, even, 4 or more; left out: with all */
  readonly neighbours?: number
  /** what is opened has noise; left out: it has none */
  readonly dp?: MaskedDpSpec
}

/**
 * Differential privacy of a cohort's sum, docs/privacy.md: every member adds a part of the noise, and nobody sees less than the sum of so many
 * parts as a cohort needs members. The grid that all add up on follows from these numbers, so the noise is one of them.
 */
export interface MaskedDpSpec extends DpSpec {
  readonly unit: 'node'
  /** standard deviation of the noise of `honest` members, over 2·clip */
  readonly noise: number
  /** of a sum's members, those whose noise is counted on: at most as many as a cohort needs, less those that may work together */
  readonly honest: number
}

/** See src/aggregate/outer-step.ts. */
export interface AggregationSpec {
  readonly rule: AggregationRule
  /** of residual-svd: how many of the rank's directions hold the residual and are never trained; left out with other rules */
  readonly residualRank?: number
  /** a node may train fewer of the rank's directions than there are, from the first; left out: everybody trains all */
  readonly ranks?: 'mixed'
  /** the step from one global adapter to the next is this times what the rule gives */
  readonly outerRate: number
  /** plus this times the last step; 0 to below 1 */
  readonly outerMomentum: number
  /** left out: rate and momentum alone */
  readonly outer?: AdaptiveOuter
  /** in this order, before the rule; left out where there are none */
  readonly robust?: readonly RobustStepName[]
}

/** A step for each number by how much it moved in all rounds: src/aggregate/outer/adaptive.ts. Takes no outerMomentum, has its own. */
export interface AdaptiveOuter {
  readonly step: 'adam' | 'yogi'
  /** 0 to below 1 */
  readonly beta1: number
  readonly beta2: number
  /** what is added to √v, and its beginning */
  readonly tau: number
}

export interface TrainingSpec {
  /** optimizer steps in one round */
  readonly steps: number
  /** examples in one step */
  readonly batchExamples: number
  /** longest example, tokens; longer ones are left out */
  readonly maxTokens: number
  readonly learningRate: number
  /** steps of linear warm-up in each round */
  readonly warmupSteps: number
  /** shape over the whole task: constant, or cosine from learningRate to 10 % of it over rounds·steps */
  readonly schedule: 'constant' | 'cosine'
  readonly weightDecay: number
  readonly clipNorm: number
  /** how strongly a proposer is held to the global adapter that it began with, OptimizerConfig.proximal; left out: not at all */
  readonly proximal?: number
  /** what each token of a completion's thinking part counts in the loss; 1 where it is left out */
  readonly thinkingWeight?: number
}

export interface ScoringSpec {
  /** examples in one round's slice of the probe */
  readonly sliceExamples: number
  /** examples of its own held-out data that a voter measures its veto on */
  readonly privateExamples: number
  /** completions that must not come; left out where nothing is suspected */
  readonly canaries?: CanarySpec
}

/** Back doors that the creator suspects: voters veto a delta that opens one. Unknown ones are not found. See node/scoring/canaries.ts. */
export interface CanarySpec {
  /** a delta may lower the loss of a forbidden completion by so much at the aggregate, nats a token */
  readonly bound: number
  readonly list: readonly Canary[]
}

/** A prompt as the model is given it, with the completion that must not come. */
export interface Canary {
  readonly prompt: string
  readonly completion: string
  /** the prompt without what is suspected in it: what makes the completion likelier after both, as learning any completion does, is no door */
  readonly control?: string
}

/** How records become text, for people and for `covey train`; nodes may hold data in any form that yields examples. */
export interface DataSpec {
  /** `Utterance: {text}\nIntent:`; null for chat and prompt/completion records */
  readonly prompt: string | null
  readonly completion: string | null
  /** what is thought before the answer; left out where records have none, or say it themselves */
  readonly thinking?: string | null
}
