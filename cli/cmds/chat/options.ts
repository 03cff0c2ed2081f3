import { decimal, flag, integer, list, option, text } from '../../command.ts'
import { adapterOption, deviceOption, dirOption, engineOption, modelOption, threadsOption } from '../../common.ts'

export const chatOptions = {
  dir: dirOption,
  model: modelOption,
  adapter: adapterOption,
  system: option('--system <text>', 'how the model should behave', text, null),
  raw: flag('--raw', 'continue the text as it is, without the chat template'),
  maxTokens: option('--max-tokens <n>', 'longest answer', integer(1, 131_072), 256),
  temperature: option('--temperature <x>', '0 = always the likeliest word', decimal(0, 2), 0),
  topP: option('--top-p <x>', 'sample from the likeliest words of this total probability', decimal(0.001, 1), 1),
  seed: option('--seed <n>', 'the same seed, the same answer', integer(0, 4_294_967_295), 1),
  stop: list('--stop <text>', 'end the answer here; may be repeated', text),
  engine: engineOption,
  device: deviceOption,
  threads: threadsOption,
}
