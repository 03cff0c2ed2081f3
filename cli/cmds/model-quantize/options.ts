import { integer, oneOf, option, text } from '../../command.ts'
import { deviceOption, dirOption, engineOption, templateOptions, thinkingOption, threadsOption } from '../../common.ts'

export const modelQuantizeOptions = {
  dir: dirOption,
  bits: option('--bits <n>', 'of each weight: 8 | 4', oneOf('8', '4'), '8'),
  out: option('--out <folder>', 'where to write; must not exist yet', text, null),
  data: option(
    '--data <file>',
    'measure loss and exact match before and after on this .jsonl or .jsonl.gz',
    text,
    null,
  ),
  ...templateOptions,
  thinking: thinkingOption,
  maxTokens: option('--max-tokens <n>', 'longest example, tokens; longer ones are left out', integer(8, 131_072), 256),
  limit: option('--limit <n>', 'measure on the first n examples only', integer(1), null),
  engine: engineOption,
  device: deviceOption,
  threads: threadsOption,
}
