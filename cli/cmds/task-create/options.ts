import { flag, option, text } from '../../command.ts'
import { chainOptions, modelOption } from '../../common.ts'
export const taskCreateOptions = {
  ...chainOptions,
  model: modelOption,
  taskFile: option('--task-file <file>', 'the task: spec, terms and the folder of the probe', text, null),
  guide: flag('--guide', 'ask for the terms, write the task file, then go on with it'),
  dryRun: flag('--dry-run', 'say what it would cost, and send nothing'),
}
