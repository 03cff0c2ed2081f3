import { integer, option, text } from '../../command.ts'
import { adapterOption, deviceOption, dirOption, engineOption, modelOption, threadsOption } from '../../common.ts'

export const serveOptions = {
  dir: dirOption,
  model: modelOption,
  adapter: adapterOption,
  name: option('--name <id>', "the model's id in the API (its folder's name)", text, null),
  host: option(
    '--host <address>',
    'address to listen on; others than loopback let other machines in (127.0.0.1)',
    text,
    null,
  ),
  port: option('--port <n>', 'port, 0 = any free one (COVEY_PORT; 8080)', integer(0, 65_535), null),
  token: option(
    '--token <text>',
    'bearer token that requests must carry; safer in COVEY_TOKEN, where ps does not show it',
    text,
    null,
  ),
  engine: engineOption,
  device: deviceOption,
  threads: threadsOption,
}
