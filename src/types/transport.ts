/** Seam: what a node needs of the network. Real: libp2p over TCP with gossipsub. Twin: an in-memory hub. */

export type Verdict = 'accept' | 'ignore' | 'reject'

export interface GossipMessage {
  readonly topic: string
  /** who signed it (not who forwarded it) */
  readonly from: string
  readonly data: Uint8Array
}

/** Judges a message before it is forwarded; never throws, never waits for the network. */
export type GossipValidator = (message: GossipMessage) => Verdict | Promise<Verdict>

export interface PeerInfo {
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly connected: boolean
  /** gossipsub's score, 0 where there is none */
  readonly score: number
}

/** What the transport serves to others and resumes its own pulls from. */
export interface BlobSource {
  /** size in bytes, or undefined when this node does not have the whole blob */
  size(digest: string): Promise<number | undefined>
  read(digest: string, offset: number, length: number): Promise<Uint8Array>
}

/** Bytes of an unfinished blob, kept over a restart. */
export interface PartialBlob {
  /** bytes that are already on disk, from the start, without a gap */
  readonly have: number
  /** appends at `have`; call in order */
  append(chunk: Uint8Array): Promise<void>
  /**
   * checks the digest and makes the blob readable; a wrong one is thrown away: `have` is 0 again and `append` goes on
   * from the start. @throws CoveyError E_CORRUPT
   */
  finish(): Promise<void>
  /** forgets the bytes: `have` is 0 again and `append` goes on from the start */
  discard(): Promise<void>
  /** keeps the bytes for later */
  close(): Promise<void>
}

export interface PullRequest {
  readonly digest: string
  /** exact size, from a source that is trusted or checked (the chain) */
  readonly size: number
  /** peers to ask first; then all that are connected */
  readonly from: readonly string[]
  /** the caller opens and closes it; `pull` appends and finishes */
  readonly into: PartialBlob
  /** how long to go on without a single new byte before E_BLOB_UNAVAILABLE; DEFAULT_PATIENCE_MS of src/wire/limits.ts */
  readonly patience_ms?: number
  readonly onProgress?: (got: number, size: number) => void
  readonly signal?: AbortSignal
}

export interface TransportStats {
  readonly bytesGossiped: number
  readonly bytesPulled: number
  readonly bytesServed: number
  readonly messagesRejected: number
}

export interface Transport {
  readonly peerId: string
  start(): Promise<void>
  stop(): Promise<void>
  /** own listening addresses, with /p2p/PEERID */
  addresses(): readonly string[]
  peers(): readonly PeerInfo[]
  /** dials once and keeps redialling for as long as the transport runs */
  keep(address: string): void
  subscribe(topic: string, validator: GossipValidator, handler: (message: GossipMessage) => void): () => void
  /** @returns how many peers it went to. @throws CoveyError E_TOO_LARGE over MAX_GOSSIP_BYTES */
  publish(topic: string, data: Uint8Array): Promise<number>
  /** signs arbitrary bytes with the peer's key: the peer's half of the binding to an account */
  sign(bytes: Uint8Array): Promise<Uint8Array>
  serveBlobs(source: BlobSource): void
  /** from several peers at once, resumable, verified. @throws CoveyError E_BLOB_UNAVAILABLE | E_TOO_LARGE | E_ABORTED */
  pull(request: PullRequest): Promise<void>
  stats(): TransportStats
}

/** How a file checks another peer's half of a binding. */
export type VerifyPeerSignature = (peerId: string, bytes: Uint8Array, signature: Uint8Array) => Promise<boolean>
