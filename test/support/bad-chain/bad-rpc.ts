/** A JSON-RPC server that is not well: it drops, delays, answers twice or out of order, limits, lags, and talks nonsense, by seed. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { type Random, shuffle } from '../../../src/base/random.ts'
import { answer } from './methods.ts'
import { Refusal, type SmallChain } from './small-chain.ts'

export const FAULTS = [
  /** the connection ends before anything is done */
  'drop',
  /** everything is done, then the connection ends */
  'drop-answer',
  'delay',
  /** everything is done twice; the second answer is given */
  'twice',
  /** a batch's answers come in another order */
  'shuffle',
  /** HTTP 429 with Retry-After */
  'limit',
  /** every answer is JSON-RPC's "limit exceeded" */
  'limit-calls',
  /** a page instead of JSON */
  'nonsense',
  /** HTTP 502 */
  'gateway',
] as const
export type Fault = (typeof FAULTS)[number]

interface Call {
  readonly id: unknown
  readonly method: string
  readonly params: readonly unknown[]
}

export interface BadRpc {
  readonly url: string
  /** what happens to the next request; null: nothing */
  fault: (request: number) => Fault | null
  /** blocks that it stands behind */
  lag: number
  /** seconds, as Retry-After says them */
  retryAfter: string
  /** widest eth_getLogs, blocks */
  range: number
  /** requests so far */
  readonly requests: number
  close(): Promise<void>
}

/** Longest delay of an answer. */
const DELAY_MS = 8

export async function startBadRpc(chain: SmallChain, random: Random): Promise<BadRpc> {
  let requests = 0
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy())
  })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(await text(request)) as Call | readonly Call[]
    const fault = rpc.fault(requests++)
    const reply = (status: number, value: string, headers: Record<string, string> = {}): void => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers })
      response.end(value)
    }
    if (fault === 'drop') return void response.destroy()
    if (fault === 'limit') return reply(429, '', { 'retry-after': rpc.retryAfter })
    if (fault === 'gateway') return reply(502, '<html>bad gateway</html>')
    if (fault === 'delay') await new Promise((resolve) => setTimeout(resolve, random.int(DELAY_MS)))
    if (fault === 'twice') answerAll(body)
    const limited = { code: -32_005, message: 'limit exceeded' }
    const answers = answerAll(body, fault === 'limit-calls' ? limited : undefined)
    if (fault === 'drop-answer') return void response.destroy()
    if (fault === 'nonsense') return reply(200, '<html>welcome</html>')
    const parts = fault === 'shuffle' ? shuffle(answers, random) : answers
    reply(200, JSON.stringify(Array.isArray(body) ? parts : parts[0]))
  }

  function answerAll(body: Call | readonly Call[], refused?: { code: number; message: string }): unknown[] {
    return [body].flat().map(({ id, method, params }) => {
      if (refused !== undefined) return { jsonrpc: '2.0', id, error: refused }
      try {
        return { jsonrpc: '2.0', id, result: answer(chain, method, params, rpc.lag, rpc.range) }
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        return { jsonrpc: '2.0', id, error: { code: error.code, message: error.message } }
      }
    })
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected a port')
  const rpc: BadRpc = {
    url: `http://127.0.0.1:${address.port}`,
    fault: () => null,
    lag: 0,
    retryAfter: '0',
    range: Number.POSITIVE_INFINITY,
    get requests() {
      return requests
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return rpc
}
