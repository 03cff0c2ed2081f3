/** The embedded chain's public face: JSON-RPC over HTTP on 127.0.0.1, read methods and signed transactions only, capped. */
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:http'
import { CoveyError, messageOf } from '../../base/errors.ts'
import { postJson } from '../rpc/post-json.ts'

/** A signed deployment is under 64 KiB; a batch of calls a few hundred. */
export const MAX_RPC_BODY_BYTES = 1_048_576
export const MAX_RPC_BATCH = 100
/** A client that sends slower than this is not one of ours. */
const BODY_LIMIT_MS = 10_000
const FORWARD_LIMIT_MS = 30_000
const SEND_METHOD = 'eth_sendRawTransaction'

/** What nodes, wallets and dashboards need; nothing that signs for others, mines, or changes the chain's settings. */
export const ALLOWED_METHODS: ReadonlySet<string> = new Set([
  'eth_blockNumber',
  'eth_call',
  'eth_chainId',
  'eth_estimateGas',
  'eth_feeHistory',
  'eth_gasPrice',
  'eth_getBalance',
  'eth_getBlockByHash',
  'eth_getBlockByNumber',
  'eth_getBlockReceipts',
  'eth_getCode',
  'eth_getLogs',
  'eth_getStorageAt',
  'eth_getTransactionByHash',
  'eth_getTransactionCount',
  'eth_getTransactionReceipt',
  'eth_maxPriorityFeePerGas',
  SEND_METHOD,
  'eth_syncing',
  'net_version',
  'web3_clientVersion',
])

export interface RpcFront {
  readonly url: string
  close(): Promise<void>
}

export interface RpcFrontOptions {
  /** 0 = any free one */
  readonly port: number
  readonly target: () => string
  /** called after a transaction was handed on */
  readonly onSent: () => void
}

/** Listens on 127.0.0.1 and forwards to `target()`. @throws CoveyError E_PORT */
export async function startRpcFront(options: RpcFrontOptions): Promise<RpcFront> {
  const server = createServer((request, response) => {
    const reply = (status: number, body: string): void => {
      if (response.headersSent || response.destroyed) return
      response.writeHead(status, {
        'content-type': 'application/json',
        ...(request.complete ? {} : { connection: 'close' }),
      })
      response.end(body)
    }
    answer(request, options).then(
      (body) => reply(200, body),
      (error) => reply(error instanceof Refused ? error.status : 502, rpcError(null, -32_603, messageOf(error))),
    )
  })
  server.requestTimeout = BODY_LIMIT_MS
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'is in use' : `cannot be opened (${cause.message})`
      reject(new CoveyError('E_PORT', `port ${options.port} for the chain's RPC ${why}; choose another`, {}, { cause }))
    })
    server.listen(options.port, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new CoveyError('E_INTERNAL', 'a TCP server has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

class Refused extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const rpcError = (id: unknown, code: number, message: string): string =>
  JSON.stringify({ jsonrpc: '2.0', id: id ?? null, error: { code, message } })

async function answer(request: IncomingMessage, { target, onSent }: RpcFrontOptions): Promise<string> {
  if (request.method !== 'POST') throw new Refused(405, 'expected POST with a JSON-RPC body')
  // a web page can reach 127.0.0.1, but not with this content type unless the server invites it
  if (!request.headers['content-type']?.startsWith('application/json'))
    throw new Refused(415, 'expected content-type application/json')
  const body = await readBody(request)
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return rpcError(null, -32_700, 'the body is not JSON')
  }
  const calls = Array.isArray(parsed) ? parsed : [parsed]
  if (calls.length === 0 || calls.length > MAX_RPC_BATCH)
    return rpcError(null, -32_600, `expected 1 to ${MAX_RPC_BATCH} calls, got ${calls.length}`)
  for (const call of calls as ({ method?: unknown; id?: unknown } | null)[]) {
    const method = call?.method
    if (typeof method !== 'string') return rpcError(call?.id, -32_600, 'a call has no method')
    if (!ALLOWED_METHODS.has(method))
      return rpcError(call?.id, -32_601, `method ${method.slice(0, 64)} is not allowed here`)
  }
  const reply = await postJson(target(), body, FORWARD_LIMIT_MS)
  if ((calls as { method: string }[]).some((call) => call.method === SEND_METHOD)) onSent()
  return reply
}

/** Events, not an async iterator: every read of every node comes through here. */
function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let size = 0
    request.on('data', (part: Buffer) => {
      size += part.byteLength
      if (size <= MAX_RPC_BODY_BYTES) return parts.push(part)
      // no more is read; the answer closes the connection
      request.pause()
      reject(new Refused(413, `the body is larger than ${MAX_RPC_BODY_BYTES} bytes`))
    })
    request.once('end', () => resolve(Buffer.concat(parts).toString('utf8')))
    request.once('error', reject)
  })
}
