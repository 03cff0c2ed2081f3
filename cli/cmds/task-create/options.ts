import { option, text } from '../../command.ts'
import { chainOptions } from '../../common.ts'
export const taskCreateOptions = {
  ...chainOptions,
  taskFile: option('--task-file <file>', 'the task: spec, terms and the folder of the probe', text, null),
}
