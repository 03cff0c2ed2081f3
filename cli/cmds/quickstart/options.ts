import { ATTACKS } from '../../../node/attacks.ts'
import { parseAttack } from '../../../node/misbehave.ts'
import { ENCODING_NAMES, isEncodingName } from '../../../src/adapter/encodings/registry.ts'
import { ROBUST_STEPS } from '../../../src/aggregate/robust/steps.ts'
import { PRECISION_SETTINGS } from '../../../src/engine/settings.ts'
import type { RobustStepName } from '../../../src/types/spec.ts'
import { decimal, flag, integer, matching, oneOf, option, type Parse, text } from '../../command.ts'
import { modelOption, templateOptions } from '../../common.ts'

/** A step of a number that moved as it always does. */
export const ADAPTIVE_RATE = 0.03

const encoding = matching(isEncodingName, `${ENCODING_NAMES}, N from 2 to 1000`)

const robustSteps: Parse<readonly RobustStepName[]> = (value) => value.split(',').map(oneOf(...ROBUST_STEPS))
const rankList: Parse<readonly number[]> = (value) => value.split(',').map(integer(1, 256))
const attack: Parse<string> = (value) => {
  parseAttack(value)
  return value
}

export const quickstartOptions = {
  nodes: option('--nodes <n>', 'participants', integer(2, 64), 6),
  rounds: option('--rounds <n>', 'rounds of the task', integer(1, 10_000), 12),
  proposers: option('--proposers <n>', 'seats that train, in each round', integer(1, 32), 4),
  voters: option('--voters <n>', 'seats that score, in each round', integer(1, 32), 2),
  steps: option('--steps <n>', 'optimizer steps of one proposer in one round', integer(1, 10_000), 24),
  batch: option('--batch <n>', 'examples in one step', integer(1, 1024), 4),
  rank: option('--rank <n>', "LoRA's rank", integer(1, 256), 32),
  alpha: option('--alpha <x>', "LoRA's alpha", decimal(1e-3, 4096), 32),
  learningRate: option('--learning-rate <x>', 'peak learning rate', decimal(1e-8, 1), 1.5e-2),
  schedule: option(
    '--schedule <shape>',
    'learning rate over all rounds: constant, or down along a cosine',
    oneOf('constant', 'cosine'),
    'cosine',
  ),
  proximal: option(
    '--proximal <mu>',
    'how strongly a proposer is held to the global adapter that it began with (FedProx); 0: not at all',
    decimal(0, 1_000),
    0,
  ),
  aggregate: option(
    '--aggregate <rule>',
    'how factors are averaged',
    oneOf('frozen-a', 'alternating', 'stacked-svd', 'factor-mean', 'residual-svd'),
    'frozen-a',
  ),
  residual: option(
    '--residual <n>',
    "of residual-svd: how many of the rank's directions hold what the means lack, and are not trained (half)",
    integer(1, 255),
    null,
  ),
  ranks: option(
    '--ranks <list>',
    'directions that the nodes train, with commas between them and over again: 32,16,8 (all, each node)',
    rankList,
    [],
  ),
  robust: option(
    '--robust <steps>',
    `robust steps before the rule, with commas between them: ${ROBUST_STEPS.join(', ')}`,
    robustSteps,
    [],
  ),
  outer: option(
    '--outer <step>',
    'how the global step follows from the mean of the deltas: with the momentum of the last one, or adaptive (adam, yogi)',
    oneOf('momentum', 'adam', 'yogi'),
    'momentum',
  ),
  outerRate: option(
    '--outer-rate <x>',
    `the global step is this times the mean of the deltas (1; with adam and yogi ${ADAPTIVE_RATE})`,
    decimal(1e-4, 10),
    null,
  ),
  outerMomentum: option(
    '--outer-momentum <x>',
    'plus this times the last global step; not with adam and yogi',
    decimal(0, 0.99),
    0.3,
  ),
  outerBeta1: option('--outer-beta1 <x>', 'of adam and yogi: how long they remember the mean', decimal(0, 0.999), 0.5),
  outerBeta2: option(
    '--outer-beta2 <x>',
    'of adam and yogi: how long they remember its size',
    decimal(0, 0.9999),
    0.99,
  ),
  outerTau: option('--outer-tau <x>', 'of adam and yogi: a mean of this size counts as small', decimal(1e-9, 1), 0.01),
  encode: option('--encode <how>', `how deltas travel: ${ENCODING_NAMES}`, encoding, 'int8'),
  dp: option(
    '--dp <epsilon>',
    'differential privacy: what the task may tell at most, at delta 1e-5',
    decimal(1e-3, 1_000),
    null,
  ),
  dpUnit: option(
    '--dp-unit <what>',
    'of one example, or of all that a node has (example; with --masked node, the noise being that of a sum)',
    oneOf('example', 'node'),
    null,
  ),
  dpClip: option(
    '--dp-clip <x>',
    "norm that an example's gradient, or a node's delta, is clipped to",
    decimal(1e-6, 1e6),
    0.1,
  ),
  slice: option('--slice <n>', "examples in one round's slice of the probe", integer(4, 4096), 32),
  evalExamples: option(
    '--eval-examples <n>',
    'held-out examples for rounds before the last; the last is measured on all',
    integer(10, 1_000_000),
    100,
  ),
  phaseSeconds: option(
    '--phase-seconds <n>',
    'how long a phase waits for those who are silent',
    integer(5, 86_400),
    120,
  ),
  data: option('--data <file>', 'your own records, .jsonl or .jsonl.gz (our generator)', text, null),
  test: option('--test <file>', 'held-out records (split off --data)', text, null),
  ...templateOptions,
  model: modelOption,
  dir: option('--dir <folder>', 'where everything goes', text, null),
  port: option('--port <n>', 'port of the served model, 0 = any free one', integer(0, 65_535), 0),
  precision: option(
    '--precision <name>',
    'of the products with frozen weights in training; auto takes what trains faster on this machine',
    oneOf(...PRECISION_SETTINGS),
    'fp32',
  ),
  seed: option('--seed <n>', 'deals the data, draws A', integer(0, 4_294_967_295), 1),
  liar: option('--liar <n>', 'nodes that lie, as --attack says', integer(0, 32), 0),
  attack: option(
    '--attack <how>',
    `how they lie: ${Object.keys(ATTACKS).join(', ')}, most of them with a strength`,
    attack,
    'flip:5',
  ),
  idle: option('--idle <n>', 'nodes that publish zeros', integer(0, 32), 0),
  crash: option(
    '--crash <n>',
    'nodes that are killed (kill -9) at random moments and started again',
    integer(0, 32),
    0,
  ),
  masked: flag('--masked', 'nobody sees a single delta, only the sum of a cohort; deltas travel as f32'),
  cohort: option('--cohort <n>', 'least members of a cohort with --masked', integer(3, 32), 4),
  compare: flag('--no-compare', 'leave out the training of what the network is compared with'),
  keep: flag('--keep', 'stay up afterwards, until Ctrl-C'),
}
