/** Messages between peers. Encoded as canonical CBOR by src/wire, at most MAX_GOSSIP_BYTES each. */

/** "This peer serves this blob." Sent when a delta is revealed, when a slice is revealed, and again while a round waits for it. */
export interface BlobAnnouncement {
  readonly kind: 'blob'
  /** `cohort`: a message of a masked round; `openings`: what a masked round's sums were opened with */
  readonly of: 'delta' | 'slice' | 'spec' | 'adapter' | 'cohort' | 'openings'
  readonly task: number
  readonly round: number
  readonly digest: string
  readonly size: number
}

/** "I can be reached here." At most MAX_HELLO_ADDRESSES multiaddrs, each ending in /p2p/ and the sender's own peer id. */
export interface HelloMessage {
  readonly kind: 'hello'
  readonly addresses: readonly string[]
}

export type WireMessage = BlobAnnouncement | HelloMessage
