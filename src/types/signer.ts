import type { Address, Hex } from './ledger.ts'

export interface TypedData {
  readonly domain: {
    readonly name: string
    readonly version: string
    readonly chainId: bigint
    readonly verifyingContract: Address
  }
  readonly types: Record<string, { name: string; type: string }[]>
  readonly value: Record<string, unknown>
}

/** Seam: signs for one account. Real: an encrypted key file. Twin: a key in memory. */
export interface Signer {
  readonly address: Address
  /** EIP-712 */
  signTypedData(data: TypedData): Promise<Hex>
  /** a whole transaction, RLP in, signed RLP out */
  signTransaction(transaction: Record<string, unknown>): Promise<Hex>
}
