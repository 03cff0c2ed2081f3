import { serveModel } from '../../../node/serve-model.ts'
import { foldForDecoding } from '../../../src/adapter/merge.ts'
import { systemClock } from '../../../src/base/clock.ts'
import type { Handler } from '../../command.ts'
import { configOf, engineOf, openAdapter, openModel } from '../../common.ts'
import type { serveOptions } from './options.ts'

const DEFAULT_HOST = '127.0.0.1'
const DEFAULT_PORT = 8080

export const serveHandler: Handler<typeof serveOptions> = async (options, _args, context) => {
  const { output, signal } = context
  const { adapter: folder, name, ...flags } = options
  const config = configOf(flags, context)
  const { settings } = config
  const { model, tokenizer } = await openModel(config, signal)
  const adapter = await openAdapter(folder, model)
  const engine = await engineOf(config)
  const folded = foldForDecoding(model, adapter?.adapter ?? null)
  const parts = {
    engine,
    model: folded.model,
    tokenizer,
    layout: folded.beside?.layout ?? null,
    clock: systemClock,
    threads: settings.threads ?? 0,
    // a merged model is told by what it was made of
    digests: { base: model.digest, adapter: adapter?.digest ?? null },
  }
  const where = {
    host: settings.host ?? DEFAULT_HOST,
    port: settings.port ?? DEFAULT_PORT,
    token: settings.token ?? null,
  }
  const id = name ?? model.name
  const served = await serveModel(parts, where, id)
  try {
    if (adapter !== null && folded.beside !== null) served.setAdapter(folded.beside.values, adapter.digest)
    output.line(`${id} at ${served.url}/v1 (Ctrl-C stops it)`)
    output.event({
      event: 'serving',
      url: served.url,
      model: id,
      baseDigest: model.digest,
      adapterDigest: adapter?.digest ?? null,
    })
    if (!signal.aborted)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  } finally {
    await served.stop()
  }
  return undefined
}
