/**
 * The model over HTTP, as OpenAI's clients speak it: /v1/models, /v1/chat/completions, /v1/completions, with and without
 * streaming, and /healthz. Listens on loopback unless it is told otherwise.
 *
 * @example
 * const api = createServer({ slot, host: '127.0.0.1', port: 0, clock, random, logger })
 * await api.start()
 * console.log(api.url) // http://127.0.0.1:41234
 * await api.stop()
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer as createHttpServer, type Server } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import type { Logger } from 'pino'
import { CoveyError, isCoveyError, messageOf } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { Clock } from '../types/clock.ts'
import { readJson } from './body.ts'
import { Generations } from './generations.ts'
import { CLIENT_GONE, httpError, requestError } from './http-errors.ts'
import { SERVE_LIMITS, type ServeLimits } from './limits.ts'
import type { ModelSlot } from './model-slot.ts'
import { parseChat, parseCompletion } from './requests.ts'

export interface ServerOptions {
  readonly slot: ModelSlot
  /** address to listen on; anything but loopback lets other machines use the model */
  readonly host?: string
  /** 0 = any free port */
  readonly port: number
  /** when given, every request but /healthz must carry it: `Authorization: Bearer TOKEN` */
  readonly token?: string
  readonly clock: Clock
  /** ids of answers, and seeds of requests that bring none */
  readonly random: Random
  /** never gets a prompt or an answer to see */
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>
  readonly limits?: Partial<ServeLimits>
}

export interface ApiServer {
  /** `http://127.0.0.1:8080`; where it really listens, once started */
  readonly url: string
  readonly port: number
  /** @throws CoveyError E_PORT */
  start(): Promise<void>
  /** Takes no more requests, lets the running ones finish for a moment, then ends them. The slot stays open. */
  stop(): Promise<void>
}

const DEFAULT_HOST = '127.0.0.1'
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '::1'])

/** A server over whatever the slot holds at each request's beginning. */
export function createServer(options: ServerOptions): ApiServer {
  const limits: ServeLimits = { ...SERVE_LIMITS, ...options.limits }
  const host = options.host ?? DEFAULT_HOST
  const stopping = new AbortController()
  const app = createApp(options, host, limits, stopping.signal)
  // the global Request and Response stay Node's own: other parts of the process use them
  const http = createHttpServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }))
  let port = options.port
  return {
    get url() {
      return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
    },
    get port() {
      return port
    },
    async start() {
      port = await listen(http, host, options.port)
      options.logger.info({ host, port, token: options.token !== undefined }, 'serving')
    },
    async stop() {
      const closed = new Promise<void>((resolve) => http.close(() => resolve()))
      http.closeIdleConnections()
      const timer = setTimeout(() => {
        stopping.abort(new CoveyError('E_ABORTED', 'the server is stopping'))
        // once the answers that the abort ends have been written
        setImmediate(() => http.closeAllConnections())
      }, limits.stop_ms)
      await closed
      clearTimeout(timer)
    },
  }
}

function createApp(options: ServerOptions, host: string, limits: ServeLimits, stopping: AbortSignal): Hono {
  const { slot, logger, clock } = options
  const generations = new Generations({ slot, clock, random: options.random, limits, logger, stopping })
  const app = new Hono()

  app.use(async (c, next) => {
    const begin = clock.now()
    await next()
    const took_ms = clock.now() - begin
    logger.info({ method: c.req.method, path: c.req.path, status: c.res.status, took_ms }, 'request')
  })
  app.use(async (c, next) => {
    if (LOOPBACK.has(host)) checkHost(c)
    await next()
  })
  app.get('/healthz', (c) => c.json({ status: 'ok', ...describe(slot), queued: generations.queued }))
  app.use(async (c, next) => {
    if (options.token !== undefined) checkToken(c, options.token)
    await next()
  })
  const modelRecord = () => ({
    id: slot.model.id,
    object: 'model',
    // OpenAI's clients want the field; when the model was made is not known
    created: 0,
    owned_by: 'covey',
    ...describe(slot),
  })
  app.get('/v1/models', (c) => c.json({ object: 'list', data: [modelRecord()] }))
  app.get('/v1/models/:id', (c) => {
    generations.assertModel(c.req.param('id'))
    return c.json(modelRecord())
  })
  app.post('/v1/chat/completions', async (c) => {
    const request = parseChat(await readJson(c.req.raw, limits.maxBodyBytes), limits)
    return generations.answer(request, c.req.raw.signal)
  })
  app.post('/v1/completions', async (c) => {
    const request = parseCompletion(await readJson(c.req.raw, limits.maxBodyBytes), limits)
    return generations.answer(request, c.req.raw.signal)
  })
  app.notFound((c) => {
    const message = `no such path: ${c.req.method} ${c.req.path}; there are GET /v1/models, POST /v1/chat/completions, POST /v1/completions, GET /healthz`
    const { status, body } = httpError(requestError(message, { status: 404, openai: 'not_found' }))
    return c.json(body, status)
  })
  app.onError((error, c) => {
    if (c.req.raw.signal.aborted) return new Response(null, { status: CLIENT_GONE })
    const { status, body } = httpError(error)
    const fields = { code: isCoveyError(error) ? error.code : 'E_INTERNAL', status }
    if (status >= 500) logger.error({ ...fields, err: error }, 'request failed')
    else logger.warn({ ...fields, reason: messageOf(error) }, 'request refused')
    if (status === 429) c.header('Retry-After', '1')
    if (status === 401) c.header('WWW-Authenticate', 'Bearer')
    return c.json(body, status)
  })
  return app
}

const describe = (slot: ModelSlot) => ({
  model: slot.model.id,
  base: slot.model.baseDigest,
  adapter: slot.model.adapterDigest,
  context: slot.model.contextTokens,
})

/**
 * A web page can make its own name resolve to 127.0.0.1 (DNS rebinding) and then talk to this server from a browser on
 * this machine; such requests carry the page's name as Host.
 */
function checkHost(c: Context): void {
  const url = URL.parse(`http://${c.req.header('host') ?? ''}`)
  const name = url?.hostname.replace(/^\[|\]$/g, '')
  if (name !== undefined && LOOPBACK.has(name)) return
  throw requestError(`expected a request to localhost, got Host: ${c.req.header('host') ?? '(none)'}`, { status: 403 })
}

function checkToken(c: Context, token: string): void {
  const given = /^Bearer (.+)$/i.exec(c.req.header('authorization') ?? '')?.[1] ?? ''
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  if (timingSafeEqual(digest(given), digest(token))) return
  throw new CoveyError(
    'E_UNAUTHORIZED',
    'expected the header Authorization: Bearer TOKEN with the token of this server',
    {
      openai: 'invalid_api_key',
    },
  )
}

function listen(http: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    http.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'is in use' : `cannot be used (${cause.code ?? cause.message})`
      const message = `port ${port} on ${host} ${why}; choose another --port, or 0 for any free one`
      reject(new CoveyError('E_PORT', message, { host, port }, { cause }))
    })
    http.listen(port, host, () => {
      const address = http.address()
      resolve(address !== null && typeof address === 'object' ? address.port : port)
    })
  })
}
