/** Caps and waits of pulling a model: the one place where a number says how much of a hub is put up with. */

const MIB = 1024 * 1024
const GIB = 1024 * MIB

export interface HubLimits {
  /** files that are downloaded at once */
  readonly parallel: number
  /** requests in a row that bring no new byte, before a pull gives up */
  readonly attempts: number
  /** the first wait between two of them; each further one is twice as long, up to `most_ms` */
  readonly backoff: { readonly first_ms: number; readonly most_ms: number }
  /** without one byte for so long, a connection counts as dead */
  readonly idle_ms: number
  readonly redirects: number
  /** the hub's listing of a repository, JSON */
  readonly listingBytes: number
  /** one of the files beside the weights */
  readonly textBytes: number
  /** everything that is wanted of a repository */
  readonly totalBytes: number
}

export const HUB_LIMITS: HubLimits = {
  // one connection seldom fills a line, four do; more only take each other's share
  parallel: 4,
  // half a minute of waits: longer than a router takes to redial
  attempts: 7,
  backoff: { first_ms: 500, most_ms: 30_000 },
  idle_ms: 30_000,
  // the Hub needs one or two: to the repository's present name, to the store of large files
  redirects: 5,
  // 10,000 files with their digests have 3 MB
  listingBytes: 16 * MIB,
  // Gemma's tokenizer.json, the largest in common use, has 33 MB
  textBytes: 128 * MIB,
  // a model of 64 billion parameters in float32: far beyond what a peer can train
  totalBytes: 256 * GIB,
}
