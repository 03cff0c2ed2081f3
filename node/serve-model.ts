/** The merged model behind the OpenAI-compatible API: opened once, then moved to each new global adapter. */
import pino from 'pino'
import { virtualTokens } from '../src/adapter/method.ts'
import { seededRandom } from '../src/base/random.ts'
import { ModelSlot } from '../src/serve/model-slot.ts'
import { createServer } from '../src/serve/server.ts'
import { stopIdsOf } from '../src/serve/stop-ids.ts'
import type { AdapterLayout } from '../src/types/adapter.ts'
import type { Clock } from '../src/types/clock.ts'
import type { Tokenizer } from '../src/types/data.ts'
import type { InferenceEngine } from '../src/types/engine.ts'
import type { BaseModel } from '../src/types/model.ts'
import type { ServeSettings } from './settings.ts'

export interface ServeParts {
  readonly engine: InferenceEngine
  readonly model: BaseModel
  readonly tokenizer: Tokenizer
  /** null = the base alone */
  readonly layout: AdapterLayout | null
  readonly clock: Clock
  readonly threads: number
  /** what requests are told they were answered by, before an adapter is set: the model's own digest and none unless given */
  readonly digests?: { readonly base: string; readonly adapter: string | null }
}

export interface ServedModelHandle {
  readonly url: string
  /** requests that start from now on get this adapter. (layout.size) */
  setAdapter(values: Float32Array, digest: string): void
  stop(): Promise<void>
}

/** @throws CoveyError E_PORT | E_ENGINE */
export async function serveModel(parts: ServeParts, settings: ServeSettings, id: string): Promise<ServedModelHandle> {
  const { engine, model, tokenizer, layout, clock, threads } = parts
  const digests = parts.digests ?? { base: model.digest, adapter: null }
  const inference = await engine.openInference({ model, layout, threads })
  const slot = new ModelSlot({
    id,
    inference,
    tokenizer,
    baseDigest: digests.base,
    adapterDigest: digests.adapter,
    contextTokens: model.config.maxPositions - virtualTokens(layout),
    stopIds: stopIdsOf(tokenizer, model.config),
  })
  const server = createServer({
    slot,
    host: settings.host,
    port: settings.port,
    ...(settings.token === null ? {} : { token: settings.token }),
    clock,
    random: seededRandom(`${clock.now()} ${process.pid}`),
    logger: pino({ level: 'warn' }, pino.destination(2)),
  })
  await server.start()
  return {
    url: server.url,
    setAdapter: (values, digest) => slot.setAdapter(values, digest),
    async stop() {
      await server.stop()
      await slot.close()
    },
  }
}
