/** Who said that they serve which blob, and of what size. Hearsay: used to ask the likely ones first, never believed. */

/** Enough for every delta of the rounds that can be open at once; older ones fall out. */
const MAX_DIGESTS = 512
const MAX_PEERS_PER_DIGEST = 16

export class Providers {
  /** digest -> peer -> size as that peer said it, bytes */
  readonly #said = new Map<string, Map<string, number>>()

  add(digest: string, peerId: string, size: number): void {
    let peers = this.#said.get(digest)
    if (peers === undefined) {
      if (this.#said.size >= MAX_DIGESTS) this.#said.delete(this.#said.keys().next().value as string)
      peers = new Map()
      this.#said.set(digest, peers)
    }
    if (peers.has(peerId) || peers.size < MAX_PEERS_PER_DIGEST) peers.set(peerId, size)
  }

  /** peers in the order in which they spoke; with `size`, those who said that one */
  of(digest: string, size?: number): readonly string[] {
    const said = [...(this.#said.get(digest) ?? [])]
    return said.filter(([, s]) => size === undefined || s === size).map(([peerId]) => peerId)
  }

  /** each size that somebody said, in the order in which it was first said */
  sizes(digest: string): readonly number[] {
    return [...new Set(this.#said.get(digest)?.values())]
  }
}
