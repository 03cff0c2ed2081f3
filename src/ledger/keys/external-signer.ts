/**
 * A signer behind a JSON-RPC address: Clef, Frame, Web3Signer, a bridge to a hardware wallet. The key never enters this
 * process. A signer that signs only (`eth_signTransaction`, Clef's `account_signTransaction`) is asked first: what it gives is
 * on record before it leaves. One that can only sign and send at once (`eth_sendTransaction`) is asked otherwise, and what it
 * sent is read back from the chain. Whatever comes back is checked: a signer may change fees and gas, nothing else.
 *
 * Methods: https://ethereum.github.io/execution-apis/ (eth_*), EIP-712 (eth_signTypedData_v4), EIP-1193 (error codes),
 * https://geth.ethereum.org/docs/tools/clef/apis (account_*).
 */
import { setTimeout as delay } from 'node:timers/promises'
import { getAddress, Transaction, type TransactionLike, TypedDataEncoder, toQuantity, verifyTypedData } from 'ethers'
import { anySignal, throwIfAborted } from '../../base/abort.ts'
import { CoveyError, messageOf } from '../../base/errors.ts'
import type { Address, Hex } from '../../types/ledger.ts'
import type { Signer, TypedData } from '../../types/signer.ts'

export interface ExternalSignerOptions {
  /** http(s) */
  readonly url: string
  /** whose key signs; null = the only account that the signer has */
  readonly account: Address | null
  /** the chain's eth_getTransactionByHash, for what the signer has sent by itself; null = not known (yet) */
  readonly lookUp: (hash: Hex) => Promise<unknown>
  /** called before a signer is asked that sends by itself; durable when it resolves */
  readonly onSend?: (nonce: number) => Promise<void>
  readonly signal?: AbortSignal
  /** how long a person may take to look and agree */
  readonly limit_ms?: number
}

/** A person has to find the device and read what it shows. */
const DEFAULT_LIMIT_MS = 240_000
/** A transaction that a signer has sent shows at the chain's RPC within seconds. */
const LOOK_UP_LIMIT_MS = 60_000
const LOOK_UP_PAUSE_MS = 250
/** Signed deployments of contracts are tens of kB. */
const MAX_ANSWER_CHARS = 1_000_000
/** Of what a signer says, as much as a message repeats. */
const MAX_SHOWN = 200

/** Opens it: asks which accounts it has. @throws CoveyError E_SIGNER | E_KEY (not the account asked for, or which one of several) | E_ABORTED */
export async function openExternalSigner(options: ExternalSignerOptions): Promise<Signer> {
  const rpc = new SignerRpc(options)
  const accounts = addresses(
    await rpc.ask(
      [
        ['eth_accounts', []],
        ['account_list', []],
      ],
      options.url,
    ),
  )
  const wanted = options.account ?? (accounts.length === 1 ? accounts[0] : undefined)
  if (wanted === undefined || !accounts.includes(wanted)) {
    const had = accounts.length === 0 ? 'none (is it unlocked?)' : accounts.slice(0, 5).join(', ')
    const message = `the signer at ${where(options.url)} has ${had}; ${options.account === null ? 'say with --from whose key signs' : `expected ${options.account}`}`
    throw new CoveyError('E_KEY', message, {
      remedy: 'unlock the account in the signer, or name one of its accounts with --from',
    })
  }
  return new ExternalSigner(wanted, rpc, options)
}

class ExternalSigner implements Signer {
  readonly address: Address
  readonly #rpc: SignerRpc
  readonly #options: ExternalSignerOptions

  constructor(address: Address, rpc: SignerRpc, options: ExternalSignerOptions) {
    this.address = address
    this.#rpc = rpc
    this.#options = options
  }

  async signTypedData({ domain, types, value }: TypedData): Promise<Hex> {
    const payload = TypedDataEncoder.getPayload(domain, types, value) as unknown
    const answer = await this.#rpc.ask(
      [
        ['eth_signTypedData_v4', [this.address, payload]],
        // wallets of MetaMask's kind take the payload as text
        ['eth_signTypedData_v4', [this.address, JSON.stringify(payload)]],
        ['account_signTypedData', [this.address, payload]],
      ],
      'signTypedData',
      true,
    )
    const signature = hex(answer, 'signTypedData')
    if (!signs(() => verifyTypedData(domain, types, value, signature), this.address))
      throw bad(this.#options.url, `its signature is not one of ${this.address} over what it was asked to sign`)
    return signature
  }

  async signTransaction(transaction: Record<string, unknown>): Promise<Hex> {
    const asked = Transaction.from(transaction as TransactionLike)
    const params = this.#params(asked)
    let answer: unknown
    try {
      answer = await this.#rpc.ask(
        [
          ['eth_signTransaction', [params]],
          ['account_signTransaction', [params]],
        ],
        'signTransaction',
      )
    } catch (error) {
      if (!(error instanceof CoveyError && error.data.unknownMethod === true)) throw error
      return this.#send(asked, params)
    }
    // geth and Clef answer {raw, tx}
    const raw = hex((answer as { raw?: unknown } | null)?.raw ?? answer, 'signTransaction')
    this.#check(parse(raw, this.#options.url), asked)
    return raw
  }

  async #send(asked: Transaction, params: Record<string, unknown>): Promise<Hex> {
    await this.#options.onSend?.(asked.nonce)
    const hash = hex(await this.#rpc.ask([['eth_sendTransaction', [params]]], 'sendTransaction'), 'sendTransaction')
    const begun = Date.now()
    for (;;) {
      throwIfAborted(this.#options.signal)
      const found = await this.#options.lookUp(hash)
      if (found !== null && found !== undefined) {
        const sent = rebuild(found as Record<string, unknown>, hash, this.#options.url)
        this.#check(sent, asked)
        return sent.serialized as Hex
      }
      if (Date.now() - begun > LOOK_UP_LIMIT_MS)
        throw bad(
          this.#options.url,
          `it says that it sent ${hash}, which the chain's RPC does not know; do both look at the same chain?`,
        )
      await delay(
        LOOK_UP_PAUSE_MS,
        undefined,
        this.#options.signal === undefined ? {} : { signal: this.#options.signal },
      ).catch(() => {})
    }
  }

  #params(t: Transaction): Record<string, unknown> {
    return {
      from: this.address,
      ...(t.to === null ? {} : { to: t.to }),
      data: t.data,
      // Clef knows the field by this name
      input: t.data,
      value: toQuantity(t.value),
      gas: toQuantity(t.gasLimit),
      nonce: toQuantity(t.nonce),
      chainId: toQuantity(t.chainId),
      maxFeePerGas: toQuantity(t.maxFeePerGas ?? 0n),
      maxPriorityFeePerGas: toQuantity(t.maxPriorityFeePerGas ?? 0n),
    }
  }

  #check(signed: Transaction, asked: Transaction): void {
    const same =
      signed.from === this.address &&
      signed.to === asked.to &&
      signed.data === asked.data &&
      signed.value === asked.value &&
      signed.nonce === asked.nonce &&
      signed.chainId === asked.chainId
    if (!same)
      throw bad(
        this.#options.url,
        `it signed another transaction than it was asked to (from ${signed.from}, nonce ${signed.nonce}, chain ${signed.chainId}; expected ${this.address}, ${asked.nonce}, ${asked.chainId})`,
      )
  }
}

type Call = readonly [method: string, params: readonly unknown[]]

/** JSON-RPC to a signer: the first of several spellings of a request that it knows. */
class SignerRpc {
  readonly #options: ExternalSignerOptions
  #id = 0

  constructor(options: ExternalSignerOptions) {
    this.#options = options
  }

  /**
   * @param respelled the calls say the same in several forms: one whose parameters are refused is followed by the next
   * @throws CoveyError E_SIGNER (its data's `unknownMethod`: it knows none of them) | E_ABORTED (refused, or interrupted)
   */
  async ask(calls: readonly Call[], what: string, respelled = false): Promise<unknown> {
    let unknown: string | null = null
    for (const [method, params] of calls) {
      const answer = await this.#call(method, params)
      if (!('error' in answer)) return answer.result
      const { code, message } = answer.error
      if (isRefusal(code, message)) {
        const said = `the signer at ${where(this.#options.url)} refused ${method}: ${message}`
        throw new CoveyError('E_ABORTED', said, { remedy: 'agree in the signer, or check its rules; nothing was sent' })
      }
      if (!isUnknown(code, message) && !(respelled && code === INVALID_PARAMS))
        throw bad(this.#options.url, `${method}: ${message} (${code})`)
      unknown = `${method}: ${message}`
    }
    const message = `the signer at ${where(this.#options.url)} knows no way to ${what}: ${unknown}`
    throw new CoveyError('E_SIGNER', message, { unknownMethod: true })
  }

  async #call(
    method: string,
    params: readonly unknown[],
  ): Promise<{ readonly result: unknown } | { readonly error: { readonly code: number; readonly message: string } }> {
    const { url, signal, limit_ms = DEFAULT_LIMIT_MS } = this.#options
    let text: string
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: ++this.#id, method, params }),
        signal: anySignal([signal], limit_ms),
        redirect: 'error',
      })
      text = await response.text()
    } catch (cause) {
      throwIfAborted(signal)
      const why =
        cause instanceof Error && cause.name === 'TimeoutError'
          ? `no answer within ${limit_ms / 1000} s`
          : messageOf(cause)
      throw new CoveyError(
        'E_SIGNER',
        `the signer at ${where(url)} cannot be asked for ${method}: ${why}`,
        {},
        { cause },
      )
    }
    if (text.length > MAX_ANSWER_CHARS)
      throw bad(url, `${method}: its answer has ${text.length} characters, at most ${MAX_ANSWER_CHARS} expected`)
    let answer: unknown
    try {
      answer = JSON.parse(text)
    } catch {
      throw bad(url, `${method}: expected JSON, got ${JSON.stringify(text.slice(0, MAX_SHOWN))}`)
    }
    if (answer === null || typeof answer !== 'object') throw bad(url, `${method}: expected a JSON-RPC answer`)
    const { result, error } = answer as { result?: unknown; error?: { code?: unknown; message?: unknown } }
    if (error === undefined || error === null) return { result }
    return {
      error: {
        code: Number(error.code ?? 0),
        message: String(error.message ?? 'an error without words').slice(0, MAX_SHOWN),
      },
    }
  }
}

/** EIP-1193: 4001 rejected by the user, 4100 unauthorized; Clef has no code of its own. */
function isRefusal(code: number, message: string): boolean {
  return code === 4001 || code === 4100 || /denied|rejected|declined/i.test(message)
}

const INVALID_PARAMS = -32_602

/** -32601 method not found, -32004 and 4200 not supported. */
function isUnknown(code: number, message: string): boolean {
  if (code === -32_601 || code === -32_004 || code === 4200) return true
  return /method.*(not (found|supported|available|implemented|exist)|unknown|unsupported)|(unknown|unsupported).*method/i.test(
    message,
  )
}

function addresses(answer: unknown): readonly Address[] {
  if (!Array.isArray(answer)) return []
  return answer.flatMap((account: unknown) => {
    try {
      return [getAddress(String(account)) as Address]
    } catch {
      return []
    }
  })
}

function parse(raw: Hex, url: string): Transaction {
  try {
    return Transaction.from(raw)
  } catch (cause) {
    throw bad(url, `what it gave is no signed transaction: ${messageOf(cause).slice(0, MAX_SHOWN)}`)
  }
}

/** The signed bytes of a transaction that the chain knows, from eth_getTransactionByHash's JSON. */
function rebuild(json: Record<string, unknown>, hash: Hex, url: string): Transaction {
  let made: Transaction
  try {
    const type = Number(json.type ?? 0)
    const fees =
      type === 2
        ? { maxFeePerGas: json.maxFeePerGas, maxPriorityFeePerGas: json.maxPriorityFeePerGas }
        : { gasPrice: json.gasPrice }
    made = Transaction.from({
      type,
      to: json.to ?? null,
      nonce: Number(json.nonce),
      gasLimit: json.gas,
      data: json.input,
      value: json.value,
      chainId: json.chainId,
      ...(type === 0 ? {} : { accessList: json.accessList ?? [] }),
      ...fees,
      signature: { r: json.r, s: json.s, v: json.yParity ?? json.v },
    } as unknown as TransactionLike)
  } catch (cause) {
    throw bad(url, `the transaction that it sent, ${hash}, cannot be read: ${messageOf(cause).slice(0, MAX_SHOWN)}`)
  }
  if (made.hash !== hash)
    throw bad(url, `the transaction that it sent, ${hash}, is of a kind that cannot be read back (type ${made.type})`)
  return made
}

function signs(recover: () => string, account: Address): boolean {
  try {
    return recover() === account
  } catch {
    return false
  }
}

function hex(value: unknown, what: string): Hex {
  if (typeof value === 'string' && /^0x([0-9a-fA-F]{2})+$/.test(value)) return value as Hex
  throw new CoveyError(
    'E_SIGNER',
    `${what}: expected bytes in hexadecimal from the signer, got ${JSON.stringify(value)?.slice(0, MAX_SHOWN)}`,
  )
}

const bad = (url: string, why: string): CoveyError => new CoveyError('E_SIGNER', `the signer at ${where(url)}: ${why}`)

/** Paths and queries of an address may hold a key. */
function where(url: string): string {
  const { protocol, host } = new URL(url)
  return `${protocol}//${host}`
}
