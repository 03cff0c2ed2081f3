/** A signer that asks before the first signature of each transaction: no command can write without it. */
import type { Address, Hex } from '../../src/types/ledger.ts'
import type { Signer } from '../../src/types/signer.ts'

/** What is about to be signed; amounts in the chain's own coin, wei. */
export interface Charge {
  readonly to: Address | null
  readonly data: Hex
  readonly gasLimit: bigint
  readonly maxFeePerGas: bigint
  /** the same transaction was agreed to before, at a lower fee */
  readonly raised: boolean
}

/** @param approve throws what ends the command when it must not be signed */
export function askingSigner(inner: Signer, approve: (charge: Charge) => Promise<void>): Signer {
  const agreed = new Map<number, Hex>()
  return {
    address: inner.address,
    signTypedData: (data) => inner.signTypedData(data),
    async signTransaction(transaction) {
      const { nonce, to, data, gasLimit, maxFeePerGas } = transaction as {
        nonce: number
        to: Address | null
        data: Hex
        gasLimit: bigint
        maxFeePerGas: bigint
      }
      await approve({ to, data, gasLimit, maxFeePerGas, raised: agreed.get(nonce) === data })
      agreed.set(nonce, data)
      return inner.signTransaction(transaction)
    },
  }
}
