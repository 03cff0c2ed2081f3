import { ATTACKS } from '../../../node/attacks.ts'
import { flag, integer, option, text } from '../../command.ts'
import { modelOption, networkOptions, peerChainOptions, templateOptions, trainingComputeOptions } from '../../common.ts'

export const nodeStartOptions = {
  ...peerChainOptions,
  model: modelOption,
  ...networkOptions,
  task: option('--task <n>', 'the task to take part in', integer(1), null),
  data: option('--data <file>', 'private examples, .jsonl or .jsonl.gz; they never leave this machine', text, null),
  prompt: templateOptions.prompt,
  completion: templateOptions.completion,
  serve: flag('--serve', 'serve the merged model as an OpenAI-compatible API'),
  host: option(
    '--host <address>',
    'address of the API; others than loopback let other machines in (127.0.0.1)',
    text,
    null,
  ),
  port: option('--port <n>', 'port of the API, 0 = any free one (COVEY_PORT; 8080)', integer(0, 65_535), null),
  token: option('--token <text>', 'bearer token of the API; safer in COVEY_TOKEN', text, null),
  ...trainingComputeOptions,
  misbehave: option(
    '--misbehave <how>',
    `attack the rounds, to see that it is caught: ${Object.keys(ATTACKS).join(', ')}, most of them with a strength as in flip:5`,
    text,
    null,
  ),
}
