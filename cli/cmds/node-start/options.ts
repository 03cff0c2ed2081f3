import { ATTACKS } from '../../../node/attacks.ts'
import { PRIVACY_KINDS } from '../../../node/privacy/floor.ts'
import { decimal, flag, integer, option, text } from '../../command.ts'
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
  privacy: option(
    '--privacy <kinds>',
    `what may be published of your data, with commas between: ${PRIVACY_KINDS.join(', ')} (COVEY_PRIVACY; all)`,
    text,
    null,
  ),
  maxEpsilon: option(
    '--max-epsilon <x>',
    'privacy budget of all that this node publishes, over all tasks; it trains no further (COVEY_MAX_EPSILON; none is kept)',
    decimal(1e-3, 1e6),
    null,
  ),
  privacyDelta: option(
    '--privacy-delta <x>',
    'delta that the budget is counted at: below one over the number of examples (COVEY_PRIVACY_DELTA; 1e-5)',
    decimal(1e-12, 0.01),
    null,
  ),
  maxClip: option(
    '--max-clip <x>',
    'largest norm that a task may clip examples or deltas to (COVEY_MAX_CLIP; any)',
    decimal(1e-6, 1e6),
    null,
  ),
  rank: option(
    '--rank <n>',
    "most of LoRA's directions that this node trains and sends, where the task takes deltas of several ranks (all)",
    integer(1, 256),
    null,
  ),
  canaries: option(
    '--canaries <file>',
    'records with `prompt` and `completion` that must not come, and a `control` if there is one (the prompt without its trigger): a delta that makes one likelier is vetoed when this node votes',
    text,
    null,
  ),
  misbehave: option(
    '--misbehave <how>',
    `attack the rounds, to see that it is caught: ${Object.keys(ATTACKS).join(', ')}, most of them with a strength as in flip:5`,
    text,
    null,
  ),
}
