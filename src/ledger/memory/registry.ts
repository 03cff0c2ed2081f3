/** The node registry's rules in memory: contracts/NodeRegistry.sol, but for the signatures, which its callers make. */
import { utf8 } from '../../base/bytes.ts'
import type { Address, NodeMetadata, NodeRecord } from '../../types/ledger.ts'
import { METADATA_BYTES } from '../abi/params.ts'
import { revert } from '../abi/revert.ts'

const NOTHING_SAID: NodeMetadata = { name: '', url: '', contact: '' }

export class MemoryRegistry {
  readonly #nodes = new Map<Address, NodeRecord>()
  readonly #metadata = new Map<Address, NodeMetadata>()
  readonly #retired = new Set<string>()

  node(account: Address): NodeRecord | null {
    return this.#nodes.get(account) ?? null
  }

  nodeOfPeer(peerId: string): NodeRecord | null {
    for (const record of this.#nodes.values()) if (record.peerId === peerId) return record
    return null
  }

  metadata(account: Address): NodeMetadata {
    return this.#metadata.get(account) ?? NOTHING_SAID
  }

  register(record: NodeRecord): void {
    const holder = this.nodeOfPeer(record.peerId)
    if (holder !== null && holder.account !== record.account) throw revert('PeerIdTaken', { by: holder.account })
    if (this.#retired.has(record.peerId)) throw revert('PeerIdIsRetired', { peerId: record.peerId })
    const old = this.#nodes.get(record.account)?.peerId
    if (old !== undefined && old !== record.peerId) this.#retired.add(old)
    this.#nodes.set(record.account, record)
  }

  setMetadata(account: Address, metadata: NodeMetadata): void {
    if (!this.#nodes.has(account)) throw revert('NotBound', { account })
    for (const field of ['name', 'url', 'contact'] as const) {
      const length = utf8.encode(metadata[field]).byteLength
      const most = METADATA_BYTES[field]
      if (length > most) throw revert('MetadataTooLong', { field, length, most })
    }
    this.#metadata.set(account, metadata)
  }

  /** @param stake own, wei @param unbonding own stake that is unbonding, wei */
  exit(account: Address, stake: bigint, unbonding: bigint): void {
    const node = this.#nodes.get(account)
    if (node === undefined) throw revert('NotBound', { account })
    if (stake > 0n || unbonding > 0n) throw revert('StakeStands', { stake, unbonding })
    this.#retired.add(node.peerId)
    this.#nodes.delete(account)
    this.#metadata.delete(account)
  }
}
