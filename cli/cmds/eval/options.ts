import { integer, option } from '../../command.ts'
import {
  adapterOption,
  deviceOption,
  dirOption,
  engineOption,
  modelOption,
  templateOptions,
  thinkingOption,
  threadsOption,
} from '../../common.ts'

export const evalOptions = {
  dir: dirOption,
  model: modelOption,
  adapter: adapterOption,
  ...templateOptions,
  thinking: thinkingOption,
  maxTokens: option('--max-tokens <n>', 'longest example, tokens; longer ones are left out', integer(8, 131_072), 256),
  limit: option('--limit <n>', 'measure on the first n examples only', integer(1), null),
  engine: engineOption,
  device: deviceOption,
  threads: threadsOption,
}
