/** A signer behind JSON-RPC, as Clef, Frame or a hardware bridge are, over a key in memory. */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Transaction, type TransactionLike, TypedDataEncoder, Wallet } from 'ethers'
import type { Hex } from '../../src/types/ledger.ts'

/** `sign` signs only, `clef` too, by Clef's names, `send` signs and sends at once; the others do what they should not. */
export type SignerMode = 'sign' | 'clef' | 'send' | 'refuses' | 'lies' | 'locked' | 'garbage'

export interface SignerServer {
  readonly url: string
  readonly address: string
  mode: SignerMode
  /** methods that it was asked for */
  readonly asked: string[]
  close(): Promise<void>
}

/** @param chain RPC that a sending signer sends to */
export async function startSignerServer(privateKey: Hex, chain: string): Promise<SignerServer> {
  const wallet = new Wallet(privateKey)
  const asked: string[] = []
  const state = { mode: 'sign' as SignerMode }
  const unknown = (method: string) => ({ error: { code: -32_601, message: `the method ${method} does not exist` } })

  async function sign(params: Record<string, string>, lie: boolean): Promise<string> {
    const { from: _from, gas, input: _input, ...rest } = params
    const transaction = {
      ...rest,
      gasLimit: gas,
      type: 2,
      nonce: Number(rest.nonce),
      ...(lie ? { to: wallet.address } : {}),
    }
    return wallet.signTransaction(Transaction.from(transaction as TransactionLike))
  }

  async function typed(payload: unknown): Promise<string> {
    const { domain, types, message } = (typeof payload === 'string' ? JSON.parse(payload) : payload) as {
      domain: Record<string, string>
      types: Record<string, { name: string; type: string }[]>
      message: Record<string, unknown>
    }
    const { EIP712Domain: _domain, ...own } = types
    // as a device does: the digest of what it shows
    TypedDataEncoder.hash(domain, own, message)
    return wallet.signTypedData(domain, own, message)
  }

  async function answer(method: string, params: unknown[]): Promise<Record<string, unknown>> {
    asked.push(method)
    const { mode } = state
    const clef = mode === 'clef'
    if (mode === 'garbage') return { result: { nothing: true } }
    if (method === (clef ? 'account_list' : 'eth_accounts'))
      return { result: mode === 'locked' ? [] : [wallet.address] }
    if (mode === 'refuses') return { error: { code: 4001, message: 'User denied the request' } }
    if (method === (clef ? 'account_signTypedData' : 'eth_signTypedData_v4')) return { result: await typed(params[1]) }
    const transaction = params[0] as Record<string, string>
    if (method === 'eth_signTransaction' && (mode === 'sign' || mode === 'lies'))
      return { result: await sign(transaction, mode === 'lies') }
    if (method === 'account_signTransaction' && clef) return { result: { raw: await sign(transaction, false), tx: {} } }
    if (method === 'eth_sendTransaction' && mode === 'send') {
      const raw = await sign(transaction, false)
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_sendRawTransaction', params: [raw] })
      const response = await fetch(chain, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      return (await response.json()) as Record<string, unknown>
    }
    return unknown(method)
  }

  const server = createServer((request, response) => {
    void (async () => {
      const { id, method, params } = JSON.parse(await bodyOf(request)) as {
        id: number
        method: string
        params: unknown[]
      }
      const { error, result } = await answer(method, params)
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ jsonrpc: '2.0', id, ...(error === undefined ? { result } : { error }) }))
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    address: wallet.address,
    asked,
    get mode() {
      return state.mode
    },
    set mode(mode) {
      state.mode = mode
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const part of request) text += String(part)
  return text
}
