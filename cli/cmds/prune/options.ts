import { decimal, integer, oneOf, option, text } from '../../command.ts'
import { dirOption, templateOptions, thinkingOption, trainingComputeOptions } from '../../common.ts'

export const pruneOptions = {
  dir: dirOption,
  out: option('--out <folder>', 'where to write; must not exist yet', text, null),
  sparsity: option(
    '--sparsity <x>',
    'set this share of the weights in each row of the linear layers to 0, the smallest ones',
    decimal(0.01, 0.95),
    null,
  ),
  dropLayers: option('--drop-layers <list>', 'take these layers out: 4,7 (the first is 0)', text, null),
  layers: option(
    '--layers <n>',
    'take layers out until n are left, those that the loss on --data rises least without',
    integer(1, 511),
    null,
  ),
  data: option('--data <file>', 'records to train on afterwards, .jsonl or .jsonl.gz', text, null),
  test: option('--test <file>', 'held-out records to measure on (a tenth of --data unless given)', text, null),
  ...templateOptions,
  thinking: thinkingOption,
  steps: option('--steps <n>', 'of training after pruning, 0 = none', integer(0, 1_000_000), 200),
  method: option(
    '--method <name>',
    'what is trained, and merged in the end: lora | full (every weight)',
    oneOf('lora', 'full'),
    'lora',
  ),
  rounds: option(
    '--rounds <n>',
    'with --sparsity: times that the zeros are put back while it is trained; more lose less of what was learned',
    integer(1, 1000),
    4,
  ),
  rank: option('--rank <n>', "LoRA's rank", integer(1, 256), 16),
  alpha: option('--alpha <x>', "LoRA's alpha", decimal(1e-3, 4096), 32),
  learningRate: option('--learning-rate <x>', "peak learning rate (the method's own)", decimal(1e-8, 1), null),
  batch: option('--batch <n>', 'examples in one step', integer(1, 4096), 32),
  maxTokens: option('--max-tokens <n>', 'longest example, tokens; longer ones are left out', integer(8, 131_072), 256),
  calibration: option('--calibration <n>', 'with --layers: examples of --data to choose on', integer(1, 100_000), 128),
  limit: option('--limit <n>', 'measure on the first n held-out examples only', integer(1), 1000),
  dtype: option('--dtype <type>', 'of the weights that are written', oneOf('BF16', 'F32'), 'BF16'),
  seed: option('--seed <n>', 'draws the order of examples and where training begins', integer(0, 4_294_967_295), 1),
  ...trainingComputeOptions,
}
