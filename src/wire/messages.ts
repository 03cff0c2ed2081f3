/** Gossip messages as bytes: CBOR with one spelling, see src/base/cbor.ts. */
import { z } from 'zod'
import { decodeCbor, encodeCbor } from '../base/cbor.ts'
import { CoveyError } from '../base/errors.ts'
import type { WireMessage } from '../types/wire.ts'
import { MAX_ADDRESS_CHARS, MAX_BLOB_BYTES, MAX_GOSSIP_BYTES, MAX_HELLO_ADDRESSES } from './limits.ts'

const whole = z.int().min(0)

/** the form only; whether it can be dialled is the transport's business */
const address = z
  .string()
  .max(MAX_ADDRESS_CHARS)
  .regex(/^\/[\x21-\x7e]+\/p2p\/[1-9A-HJ-NP-Za-km-z]+$/, 'expected a multiaddr that ends in /p2p/PEERID')

const message = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('blob'),
    of: z.enum(['delta', 'slice', 'spec', 'adapter', 'cohort', 'openings']),
    task: whole,
    round: whole,
    digest: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hex digits'),
    size: z.int().min(1).max(MAX_BLOB_BYTES),
  }),
  z.strictObject({
    kind: z.literal('hello'),
    addresses: z.array(address).max(MAX_HELLO_ADDRESSES),
  }),
]) satisfies z.ZodType<WireMessage>

/** The one spelling of a message. @throws CoveyError E_WIRE when the message is not of the agreed shape */
export function encodeMessage(value: WireMessage): Uint8Array {
  return encodeCbor(check(value))
}

/**
 * A message from the network.
 * @throws CoveyError E_WIRE when the bytes are too many, not CBOR, not in the one spelling, or not of the agreed shape
 */
export function decodeMessage(bytes: Uint8Array): WireMessage {
  return check(decodeCbor(bytes, MAX_GOSSIP_BYTES, 'message'))
}

function check(raw: unknown): WireMessage {
  const result = message.safeParse(raw)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new CoveyError('E_WIRE', `message: ${issue?.path.join('.') || 'shape'}: ${issue?.message}`, {
    issues: result.error.issues.length,
  })
}
