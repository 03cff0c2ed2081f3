import { integer, option } from '../../command.ts'
import { dirOption, modelOption, templateOptions, thinkingOption } from '../../common.ts'

export const dataInspectOptions = {
  dir: dirOption,
  model: modelOption,
  ...templateOptions,
  thinking: thinkingOption,
  maxTokens: option('--max-tokens <n>', 'longest example, tokens', integer(8, 1_048_576), 256),
  show: option('--show <n>', 'print the first n examples: their text is shown only then', integer(0, 1000), 0),
}
