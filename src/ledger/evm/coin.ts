/** The chain's own coin, which pays for gas: what an account has of it, and sending some. Needs no contract of ours. */
import type { Address, TxReceipt } from '../../types/ledger.ts'
import { Rpc } from '../rpc/rpc.ts'
import { createMemoryTxJournal } from '../tx/journal.ts'
import { TxQueue } from '../tx/queue.ts'
import { type EvmLedgerOptions, toReceipt } from './link.ts'

export interface Coin {
  readonly account: Address
  start(): Promise<void>
  stop(): Promise<void>
  /** wei of the coin */
  balance(account: Address): Promise<bigint>
  /** @throws CoveyError E_FUNDS | E_REVERT (a contract that takes no coin) | E_RPC | E_ABORTED */
  send(to: Address, amount: bigint): Promise<TxReceipt>
}

/** Its own RPC connection and queue: not to be used beside a ledger with the same key. */
export function createCoin(
  options: Pick<EvmLedgerOptions, 'rpcUrl' | 'signer' | 'journal' | 'poll_ms'> & { readonly chainId: number },
): Coin {
  const { rpcUrl: url, signer, journal = createMemoryTxJournal(), chainId } = options
  const rpc = new Rpc({ url, chainId })
  const poll = options.poll_ms === undefined ? {} : { poll_ms: options.poll_ms }
  const queue = new TxQueue({ rpc, signer, journal, ...poll })
  return {
    account: signer.address,
    async start() {
      await rpc.checkChain()
      // what an earlier process left in flight; a write waits for it, and meets its error
      queue.recover().catch(() => {})
    },
    async stop() {
      queue.stop()
      rpc.close()
    },
    balance: (account) => rpc.balance(account),
    send: async (to, value) => toReceipt(await queue.send({ to, data: '0x', value, name: 'send' })),
  }
}
