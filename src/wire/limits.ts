/** Caps and waits of the wire: the one place where a number says how much of another peer a node puts up with. */

const KIB = 1024
const MIB = 1024 * 1024

/** One gossip message. An announcement is under 300 bytes; more would let a flood cost every peer in the mesh. */
export const MAX_GOSSIP_BYTES = 4 * KIB

/** One chunk of `/covey/blob/1`. libp2p resets a stream whose reader is 4 MiB behind: a few chunks in flight stay far below. */
export const MAX_CHUNK_BYTES = 256 * KIB

/** Any blob: a float32 adapter of 64 million parameters, rank 64 on every layer of a 3-billion-parameter base. */
export const MAX_BLOB_BYTES = 256 * MIB

/** One slice of the probe: a thousand examples of a few KiB of text each. */
export const MAX_SLICE_BYTES = 8 * MIB

/** A task's spec: canonical JSON of well under 4 KiB, with room for long templates. */
export const MAX_SPEC_BYTES = 64 * KIB

/** Addresses in one hello: a home node has one, a host with several interfaces a few. */
export const MAX_HELLO_ADDRESSES = 8

/** One multiaddr as text: a full DNS name (253) with protocol, port and peer id. */
export const MAX_ADDRESS_CHARS = 400

/** How long a pull goes on without one new byte: longer than a peer needs to restart and be redialled. */
export const DEFAULT_PATIENCE_MS = 60_000
