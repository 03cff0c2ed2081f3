import { InvalidArgumentError } from 'commander'
import { decimal, integer, list, option, type Parse, text } from '../../command.ts'
import {
  deviceOption,
  engineOption,
  modelOption,
  networkOptions,
  readOptions,
  templateOptions,
  thinkingOption,
  threadsOption,
} from '../../common.ts'

/** `3..7`, or one round. */
export const roundRange: Parse<{ readonly from: number; readonly to: number }> = (value) => {
  const [, first, last = first] = /^(\d{1,9})(?:\.\.(\d{1,9}))?$/.exec(value) ?? []
  const [from, to] = [Number(first), Number(last)]
  if (first !== undefined && from >= 1 && to >= from) return { from, to }
  throw new InvalidArgumentError(`Expected rounds such as 3..7, got ${JSON.stringify(value)}.`)
}

export const taskAuditOptions = {
  ...readOptions,
  blobs: list('--blobs <folder>', "another node's data directory, or a folder of blobs; may be repeated", text),
  bootstrap: networkOptions.bootstrap,
  rounds: option('--rounds <range>', 'rounds to audit, such as 3..7 (all that are settled)', roundRange, null),
  data: option(
    '--data <file>',
    'examples to measure on, .jsonl or .jsonl.gz (the published slices of the probe)',
    text,
    null,
  ),
  ...templateOptions,
  thinking: thinkingOption,
  examples: option('--examples <n>', 'measure on so many of them at most, drawn by the seed', integer(1, 100_000), 256),
  permutations: option(
    '--permutations <n>',
    'orders that are drawn where a round has too many proposers to measure every coalition',
    integer(2, 100_000),
    32,
  ),
  tolerance: option(
    '--tolerance <nats>',
    'an order ends where the coalition is worth as much as all but for this',
    decimal(0, 100),
    0.001,
  ),
  seed: option('--seed <n>', 'draws orders and examples', integer(0, 4_294_967_295), 1),
  plot: option('--plot <file>', 'write a picture, .svg: what each brought, adding up from round to round', text, null),
  model: modelOption,
  engine: engineOption,
  device: deviceOption,
  threads: threadsOption,
}
