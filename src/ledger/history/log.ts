/** What the chain in memory writes down: the events that the contracts would have emitted. */
import { keccak256, toUtf8Bytes } from 'ethers'
import type { Hex } from '../../types/ledger.ts'
import type { HistoryEvent } from './events.ts'

/** The hash that stands for the transaction of a block in memory: there is one a block. */
export const memoryTransaction = (chainId: number, block: number): Hex =>
  keccak256(toUtf8Bytes(`${chainId}/${block}`)) as Hex

export class HistoryLog {
  readonly #chainId: number
  readonly #events: HistoryEvent[] = []

  constructor(chainId: number) {
    this.#chainId = chainId
  }

  get events(): readonly HistoryEvent[] {
    return this.#events
  }

  /** @param args whole numbers become bigint, as a decoder of the chain's events gives them */
  emit(
    contract: HistoryEvent['contract'],
    name: string,
    args: Readonly<Record<string, unknown>>,
    at: { readonly block: number; readonly time: number },
  ): void {
    const last = this.#events.at(-1)
    this.#events.push({
      contract,
      name,
      ...at,
      index: last?.block === at.block ? last.index + 1 : 0,
      transaction: memoryTransaction(this.#chainId, at.block),
      args: Object.fromEntries(
        Object.entries(args).map(([key, value]) => [key, typeof value === 'number' ? BigInt(value) : value]),
      ),
    })
  }
}
