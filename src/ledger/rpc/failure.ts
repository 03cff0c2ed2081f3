/** What an error of an RPC means: the chain's own answer, too much asked, or a server that is not well. */
import { isError } from 'ethers'
import { CoveyError, isCoveyError } from '../../base/errors.ts'
import { revertOf } from '../abi/revert.ts'

export type Failure =
  /** final: the same question gets the same answer everywhere */
  | { readonly kind: 'answer'; readonly error: CoveyError }
  /** come back later; `after_ms` when the server said how much later */
  | { readonly kind: 'limited'; readonly after_ms: number | null }
  /** too many blocks or logs at once: ask for less */
  | { readonly kind: 'range' }
  | { readonly kind: 'down' }

/** A server that asks for more is not waited for. */
const LONGEST_RETRY_AFTER_MS = 3_600_000
/** EIP-1474 "limit exceeded", and what providers use beside it. */
const LIMIT_CODES: ReadonlySet<unknown> = new Set([-32_005, -32_029, -32_016, 429])
const LIMIT_WORDS = /rate.?limit|too many requests|request limit|(compute|capacity|throughput|quota).*(exceed|limit)/i
/** Before the codes: some providers answer -32005 to a range that is too wide. */
const RANGE_WORDS =
  /block range|range (is )?too (large|wide)|query returned more than|too many (results|logs)|response size|exceeds? max(imum)? (results|logs|block)/i

/** @param call the function's name, for messages @param now unix ms, against which a Retry-After date is read */
export function failureOf(error: unknown, call: string, now: number): Failure {
  const limit = httpLimit(error, now)
  if (limit !== null) return { kind: 'limited', after_ms: limit.after_ms }
  const answered = rpcError(error)
  if (answered !== null && RANGE_WORDS.test(answered.message)) return { kind: 'range' }
  if (answered !== null && (LIMIT_CODES.has(answered.code) || LIMIT_WORDS.test(answered.message)))
    return { kind: 'limited', after_ms: null }
  const final = contractAnswer(error, call)
  return final === null ? { kind: 'down' } : { kind: 'answer', error: final }
}

/** The contract's or the chain's refusal in `error`; null when it is the RPC that failed. */
export function contractAnswer(error: unknown, call: string): CoveyError | null {
  if (isCoveyError(error)) return error
  if (isError(error, 'INSUFFICIENT_FUNDS'))
    return new CoveyError(
      'E_FUNDS',
      `${call}: the account has too little of the chain's own coin for this and its gas; send it some`,
      {
        call,
      },
    )
  if (isError(error, 'CALL_EXCEPTION')) {
    // ethers makes this of any error answer to eth_call, a rate limit too
    const text = JSON.stringify(error.info ?? {})
    // halts other than REVERT carry no data: anvil says "EVM error InvalidFEOpcode", geth "invalid opcode", "out of gas"
    if (error.data === null && !/revert|opcode|out of gas|EVM error/i.test(text)) return null
    return revertOf(error.data, call, error.reason)
  }
  return null
}

/** A 429, or a 503 that says when to come back. ethers' own waiting is off: it takes Retry-After for milliseconds. */
function httpLimit(error: unknown, now: number): { after_ms: number | null } | null {
  if (!isError(error, 'SERVER_ERROR')) return null
  const { response } = error
  if (response === undefined || response === null) return null
  const header = response.headers['retry-after']
  if (response.statusCode !== 429 && !(response.statusCode === 503 && header !== undefined)) return null
  return { after_ms: retryAfter(header, now) }
}

/** RFC 9110, 10.2.3: seconds or a date. */
function retryAfter(header: string | undefined, now: number): number | null {
  if (header === undefined) return null
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS)
}

/** The `error` of the JSON-RPC answer inside what ethers threw. */
function rpcError(error: unknown): { code: unknown; message: string } | null {
  const { error: direct, info } = (error ?? {}) as { error?: unknown; info?: { error?: unknown } }
  for (const candidate of [direct, info?.error]) {
    if (typeof candidate !== 'object' || candidate === null) continue
    const { code, message } = candidate as { code?: unknown; message?: unknown }
    if (code !== undefined) return { code, message: typeof message === 'string' ? message : '' }
  }
  return null
}
