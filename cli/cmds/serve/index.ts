import { defineCommand } from '../../command.ts'
import { serveOptions } from './options.ts'

/** `covey serve`: the OpenAI-compatible API. */
export const serve = defineCommand({
  name: 'serve',
  summary: 'Serve a model, with an adapter or without, as an OpenAI-compatible API',
  description:
    'Answers /v1/chat/completions, /v1/completions and /v1/models until it is stopped. Listens on this machine only, unless --host says otherwise.',
  examples: [
    'covey serve --adapter ./adapter --port 8080',
    'curl http://127.0.0.1:8080/v1/completions -H \'content-type: application/json\' -d \'{"prompt":"Once","max_tokens":20}\'',
  ],
  options: serveOptions,
  handler: async () => (await import('./handler.ts')).serveHandler,
})
