/** Who said that they serve which blob. Hearsay: used to ask the likely ones first, never believed. */

/** Enough for every delta of the rounds that can be open at once; older ones fall out. */
const MAX_DIGESTS = 512
const MAX_PEERS_PER_DIGEST = 16

export class Providers {
  readonly #peers = new Map<string, Set<string>>()
  readonly #sizes = new Map<string, number>()

  add(digest: string, peerId: string, size: number): void {
    let peers = this.#peers.get(digest)
    if (peers === undefined) {
      if (this.#peers.size >= MAX_DIGESTS) {
        const oldest = this.#peers.keys().next().value as string
        this.#peers.delete(oldest)
        this.#sizes.delete(oldest)
      }
      peers = new Set()
      this.#peers.set(digest, peers)
    }
    if (peers.size < MAX_PEERS_PER_DIGEST) peers.add(peerId)
    this.#sizes.set(digest, size)
  }

  of(digest: string): readonly string[] {
    return [...(this.#peers.get(digest) ?? [])]
  }

  /** as announced; the digest and a cap protect against a lie */
  announcedSize(digest: string): number | undefined {
    return this.#sizes.get(digest)
  }
}
