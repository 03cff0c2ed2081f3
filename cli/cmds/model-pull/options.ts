import { flag, option, text } from '../../command.ts'
import { dirOption } from '../../common.ts'

export const modelPullOptions = {
  dir: dirOption,
  endpoint: option('--endpoint <url>', 'the hub (COVEY_ENDPOINT, HF_ENDPOINT; https://huggingface.co)', text, null),
  revision: option('--revision <revision>', 'branch, tag or commit (main)', text, null),
  name: option('--name <org/name>', "what it is called here (the repository's name; local/FOLDER)", text, null),
  link: flag('--link', 'give the files of a folder a second name instead of copying them'),
}
