import { option, text } from '../../command.ts'
import { modelOption, networkOptions, peerChainOptions, threadsOption } from '../../common.ts'

export const coordinatorStartOptions = {
  ...peerChainOptions,
  model: modelOption,
  ...networkOptions,
  taskFile: option('--task-file <file>', 'the task: spec, terms and the folder of the probe', text, null),
  threads: threadsOption,
}
