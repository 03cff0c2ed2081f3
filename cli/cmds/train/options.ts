import { decimal, flag, integer, list, oneOf, option, text } from '../../command.ts'
import { adapterOption, dirOption, modelOption, templateOptions, trainingComputeOptions } from '../../common.ts'
import { METHOD_OPTIONS, METHODS } from './method.ts'

export const trainOptions = {
  dir: dirOption,
  model: modelOption,
  ...templateOptions,
  method: option(
    '--method <name>',
    METHOD_OPTIONS.map((name) => `${name} (${METHODS[name].about})`).join(' | '),
    oneOf(...METHOD_OPTIONS),
    'lora',
  ),
  out: option(
    '--out <folder>',
    'where the adapter goes (in the layout of PEFT where it has the method)',
    text,
    'adapter',
  ),
  adapter: adapterOption,
  test: option('--test <file>', 'held-out records to measure on before and after', text, null),
  steps: option('--steps <n>', 'optimizer steps', integer(1, 1_000_000), 200),
  batch: option('--batch <n>', 'examples in one step', integer(1, 4096), 32),
  maxTokens: option('--max-tokens <n>', 'longest example, tokens; longer ones are left out', integer(8, 131_072), 256),
  learningRate: option('--learning-rate <x>', "peak learning rate (the method's own)", decimal(1e-8, 1), null),
  warmup: option('--warmup <n>', 'steps of linear warm-up', integer(0, 100_000), 10),
  schedule: option('--schedule <kind>', 'constant | cosine', oneOf('constant', 'cosine'), 'cosine'),
  weightDecay: option('--weight-decay <x>', "AdamW's decoupled decay", decimal(0, 1), 0),
  clipNorm: option('--clip-norm <x>', 'largest gradient norm, 0 = no clipping', decimal(0, 1000), 1),
  rank: option('--rank <n>', "LoRA's rank", integer(1, 256), 16),
  alpha: option('--alpha <x>', "LoRA's alpha", decimal(1e-3, 4096), 32),
  rsLora: flag('--rs-lora', 'scale by alpha/√rank'),
  dropout: option('--dropout <x>', "on LoRA's input", decimal(0, 0.9), 0),
  target: list(
    '--target <layer>',
    "linear layer to adapt, by its last name (q_proj); may be repeated; LoRA's and DoRA's are all of the model's unless given, (IA)³'s keys, values and the feed-forward",
    text,
  ),
  frozenA: flag('--frozen-a', 'train B only, as tasks that average B do'),
  width: option('--width <n>', 'of bottleneck adapters', integer(1, 4096), 32),
  virtualTokens: option('--virtual-tokens <n>', 'of prefix and prompt', integer(1, 4096), 16),
  module: list(
    '--module <name>',
    'selective: weights by the last name of their module (down_proj, input_layernorm); may be repeated; all unless given',
    text,
  ),
  layer: list('--layer <n>', 'selective: number of a layer; may be repeated; all unless given', integer(0, 4096)),
  seed: option(
    '--seed <n>',
    'draws what is drawn at the start, and the order of examples',
    integer(0, 4_294_967_295),
    1,
  ),
  ...trainingComputeOptions,
}
