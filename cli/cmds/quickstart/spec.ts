/** The task that a quickstart puts on chain: its spec, and its terms in money and time. */

import type { TaskTerms } from '../../../coordinator/create-task.ts'
import { linearNames } from '../../../src/adapter/layout.ts'
import { checkSteps } from '../../../src/aggregate/robust/chain.ts'
import { parseAmount } from '../../../src/ledger/amount.ts'
import type { BaseModel } from '../../../src/types/model.ts'
import type { DpSpec, TaskSpec } from '../../../src/types/spec.ts'
import { parseSpec } from '../../../src/wire/spec.ts'
import { ADAPTIVE_RATE } from './options.ts'
import type { QuickstartOptions } from './plan.ts'

/** Longest example, tokens. */
const MAX_TOKENS = 128
const WARMUP_STEPS = 2
/** Held-out examples of a voter's own for its veto. */
const PRIVATE_EXAMPLES = 12

export const MIN_STAKE = parseAmount('100')
/** Above the minimum, so that one small fault does not cost the seat; one gross one does. */
export const STAKE = parseAmount('120')
export const POOL_PER_ROUND = parseAmount('100')

/** Of a quickstart's options, those that its task follows from. */
export type SpecChoices = Pick<
  QuickstartOptions,
  | 'robust'
  | 'rule'
  | 'residual'
  | 'ranks'
  | 'data'
  | 'rank'
  | 'alpha'
  | 'seed'
  | 'steps'
  | 'batch'
  | 'learningRate'
  | 'schedule'
  | 'proximal'
  | 'outer'
  | 'outerRate'
  | 'outerMomentum'
  | 'outerBeta1'
  | 'outerBeta2'
  | 'outerTau'
  | 'encoding'
  | 'sliceExamples'
> &
  Partial<Pick<QuickstartOptions, 'dp' | 'dpUnit' | 'dpClip'>>
export type TermChoices = Pick<QuickstartOptions, 'rounds' | 'proposers' | 'voters' | 'phaseSeconds'>

/** With a few hundred examples a node, one in a hundred thousand is far below the chance of picking one. */
const DP_DELTA = 1e-5

function dpChoice({
  dp,
  dpUnit,
  dpClip,
}: Partial<Pick<QuickstartOptions, 'dp' | 'dpUnit' | 'dpClip'>>): DpSpec | undefined {
  if (dp === undefined || dp === null || dpUnit === undefined || dpClip === undefined) return undefined
  return { unit: dpUnit ?? 'example', epsilon: dp, delta: DP_DELTA, clip: dpClip }
}

function outerChoice({
  rule,
  outer,
  outerRate,
  outerMomentum,
  outerBeta1,
  outerBeta2,
  outerTau,
}: SpecChoices): Pick<TaskSpec['aggregation'], 'outerRate' | 'outerMomentum' | 'outer'> {
  if (outer !== 'momentum')
    return {
      outerRate: outerRate ?? ADAPTIVE_RATE,
      outerMomentum: 0,
      outer: { step: outer, beta1: outerBeta1, beta2: outerBeta2, tau: outerTau },
    }
  // the other rules have no outer step
  if (rule !== 'frozen-a') return { outerRate: 1, outerMomentum: 0 }
  return { outerRate: outerRate ?? 1, outerMomentum }
}

/** @throws CoveyError E_ARGUMENT for robust steps that do not go together, or not with the rule; E_SPEC for what no task may ask */
export function quickstartSpec(options: SpecChoices, model: BaseModel, templates: TaskSpec['data']): TaskSpec {
  checkSteps(options.robust, options.rule)
  const dp = dpChoice(options)
  return parseSpec({
    version: 1,
    name: options.data === null ? 'tool-calls' : 'own-data',
    model: { name: model.name, digest: model.digest },
    adapter: {
      rank: options.rank,
      alpha: options.alpha,
      rsLora: false,
      dropout: 0,
      targets: linearNames(model.config),
      seed: options.seed,
    },
    training: {
      steps: options.steps,
      batchExamples: options.batch,
      maxTokens: MAX_TOKENS,
      learningRate: options.learningRate,
      warmupSteps: Math.min(WARMUP_STEPS, options.steps),
      schedule: options.schedule,
      weightDecay: 0,
      clipNorm: 1,
      ...(options.proximal === 0 ? {} : { proximal: options.proximal }),
    },
    aggregation: {
      rule: options.rule,
      ...(options.rule === 'residual-svd' && { residualRank: options.residual ?? Math.max(1, options.rank >> 1) }),
      ...(options.ranks.length > 0 && { ranks: 'mixed' }),
      ...outerChoice(options),
      ...(options.robust.length === 0 ? {} : { robust: options.robust }),
    },
    encoding: options.encoding,
    privacy: dp === undefined ? { mode: 'open' } : { mode: 'open', dp },
    // a veto is measured on private examples, without noise
    scoring: { sliceExamples: options.sliceExamples, privateExamples: dp === undefined ? PRIVATE_EXAMPLES : 0 },
    data: templates,
  } satisfies TaskSpec)
}

export function quickstartTerms(options: TermChoices): TaskTerms {
  return {
    pool: POOL_PER_ROUND * BigInt(options.rounds),
    rounds: options.rounds,
    proposers: options.proposers,
    voters: options.voters,
    minStake: MIN_STAKE,
    // generous: phases end when everyone has acted, these are for those who never do
    seconds: {
      train: options.phaseSeconds * 3,
      reveal: options.phaseSeconds,
      probe: options.phaseSeconds,
      score: options.phaseSeconds * 2,
      tally: options.phaseSeconds,
    },
    rules: {
      excludeBelow: 500,
      // what voters find that the round is better without goes, however far from 0 others are
      excludeSpreadBps: 0,
      // an honest node has its bad rounds, which `excludeBelow` is for; a liar is much farther from 0
      slashBelow: 2_500,
      slashSpreadBps: 5_000,
      vetoBelow: 10_000,
      tolerance: 200,
      voterBps: 2_500,
      equalBps: 2_000,
      slashBps: 3_000,
      faultBps: 100,
    },
  }
}
