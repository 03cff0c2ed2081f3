/** An RPC in front of another one that says it has taken a transaction and loses it, for as long as it is told to. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { keccak256 } from 'ethers'
import type { Hex } from '../../src/types/ledger.ts'

export interface LosingRpc {
  readonly url: string
  /** transactions that it lost */
  readonly lost: Hex[]
  close(): Promise<void>
}

interface Call {
  readonly id: number
  readonly method: string
  readonly params: readonly unknown[]
}

/** @param onLost called with each that it loses */
export async function startLosingRpc(upstream: string, onLost: () => void): Promise<LosingRpc> {
  const lost: Hex[] = []
  const answer = async (call: Call): Promise<unknown> => {
    if (call.method === 'eth_sendRawTransaction') {
      const raw = call.params[0] as Hex
      lost.push(raw)
      onLost()
      return { jsonrpc: '2.0', id: call.id, result: keccak256(raw) }
    }
    const response = await fetch(upstream, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(call),
    })
    return response.json()
  }
  const server = createServer((request, response) => {
    void (async () => {
      let text = ''
      for await (const part of request) text += String(part)
      const body = JSON.parse(text) as Call | readonly Call[]
      const answers = Array.isArray(body) ? await Promise.all(body.map(answer)) : await answer(body as Call)
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(answers))
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lost,
    close: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
