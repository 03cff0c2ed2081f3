import { option, text } from '../../command.ts'
import { chainOptions, modelOption, networkOptions, threadsOption } from '../../common.ts'

export const coordinatorStartOptions = {
  ...chainOptions,
  model: modelOption,
  ...networkOptions,
  taskFile: option('--task-file <file>', 'the task: spec, terms and the folder of the probe', text, null),
  threads: threadsOption,
}
