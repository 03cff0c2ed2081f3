/** Which chain an RPC is on, for whoever does not know yet. */
import { FetchRequest } from 'ethers'
import { CoveyError, messageOf } from '../../base/errors.ts'
import { parseRpcUrls } from './urls.ts'

const LIMIT_MS = 15_000

/** @param url as `Rpc` takes it; the first address is asked. @throws CoveyError E_RPC | E_CONFIG */
export async function askChainId(url: string, signal: AbortSignal): Promise<number> {
  const [first = url] = parseRpcUrls(url)
  const request = new FetchRequest(first)
  request.timeout = LIMIT_MS
  request.body = { jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] }
  const onAbort = (): void => request.cancel()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const answer = await request.send()
    answer.assertOk()
    const { result } = answer.bodyJson as { result?: unknown }
    const id = typeof result === 'string' ? Number(result) : Number.NaN
    if (Number.isSafeInteger(id) && id > 0) return id
    throw new Error(`expected a number, got ${JSON.stringify(result)?.slice(0, 80)}`)
  } catch (cause) {
    const message = `the chain RPC does not say on which chain it is: ${messageOf(cause)}; check --rpc`
    throw new CoveyError('E_RPC', message, {}, { cause })
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
