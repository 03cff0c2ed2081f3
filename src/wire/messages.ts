/**
 * Gossip messages as bytes: CBOR in its deterministic form (RFC 8949, 4.2.3: length-first map keys), so that one message has one spelling.
 * Bytes that spell a message in any other way (other order, wider integers, trailing bytes) are refused.
 */
import { decode, encode } from 'cborg'
import { z } from 'zod'
import { equalBytes } from '../base/bytes.ts'
import { CoveyError, messageOf } from '../base/errors.ts'
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
    of: z.enum(['delta', 'slice', 'spec', 'adapter']),
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
  return spell(check(value))
}

/**
 * A message from the network.
 * @throws CoveyError E_WIRE when the bytes are too many, not CBOR, not in the one spelling, or not of the agreed shape
 */
export function decodeMessage(bytes: Uint8Array): WireMessage {
  if (bytes.byteLength > MAX_GOSSIP_BYTES) {
    throw new CoveyError('E_WIRE', `message: expected at most ${MAX_GOSSIP_BYTES} bytes, got ${bytes.byteLength}`)
  }
  let raw: unknown
  try {
    raw = decode(bytes, {
      strict: true,
      allowIndefinite: false,
      allowUndefined: false,
      allowNaN: false,
      allowInfinity: false,
      allowBigInt: false,
      rejectDuplicateMapKeys: true,
    })
  } catch (cause) {
    throw new CoveyError('E_WIRE', `message: expected CBOR, got ${messageOf(cause)}`, {}, { cause })
  }
  const value = check(raw)
  if (!equalBytes(spell(value), bytes)) {
    throw new CoveyError('E_WIRE', 'message: expected deterministic CBOR, got another spelling of the same message')
  }
  return value
}

function check(raw: unknown): WireMessage {
  const result = message.safeParse(raw)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new CoveyError('E_WIRE', `message: ${issue?.path.join('.') || 'shape'}: ${issue?.message}`, {
    issues: result.error.issues.length,
  })
}

/** Bytes that do not share the encoder's buffer. */
function spell(value: WireMessage): Uint8Array {
  return Uint8Array.from(encode(value))
}
