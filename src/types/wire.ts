/** Messages between peers. Encoded as canonical CBOR by src/wire, at most MAX_GOSSIP_BYTES each. */

/** "This peer serves this blob." Sent when a delta is revealed, when a slice is revealed, and again while a round waits for it. */
export interface BlobAnnouncement {
  readonly kind: 'blob'
  readonly of: 'delta' | 'slice' | 'spec' | 'adapter'
  readonly task: number
  readonly round: number
  readonly digest: string
  readonly size: number
}

/** What a node is doing, for the eyes of people (dashboard, quickstart); never trusted for anything. */
export interface StatusMessage {
  readonly kind: 'status'
  readonly task: number
  readonly round: number
  readonly doing: string
  readonly progress: number
  readonly loss: number | null
  readonly tokensPerSecond: number | null
  readonly secondsLeft: number | null
}

/** "The spec of task N is the blob with this digest" is on chain; a node asks the network for it by a plain pull. */
export type WireMessage = BlobAnnouncement | StatusMessage
