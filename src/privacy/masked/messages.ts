/**
 * What the members of a cohort publish, as bytes: a body in CBOR with one spelling, and the Ed25519 signature of the member's peer key over it. Every
 * body names its cohort by digest, which no other round, task or chain has, so one that is replayed there is refused.
 */
import { ed25519 } from '@noble/curves/ed25519.js'
import { z } from 'zod'
import { bytesToHex, concatBytes, sha256, utf8 } from '../../base/bytes.ts'
import { decodeCbor, encodeCbor } from '../../base/cbor.ts'
import { CoveyError } from '../../base/errors.ts'
import { type Cohort, holdersOf, MAX_MEMBERS, sharesNeeded } from './cohort.ts'
import { BOX_BYTES, checkPublicKey, KEY_BYTES } from './keys.ts'
import { COMMITMENT_BYTES, SHARE_BYTES } from './shares.ts'

/** Lists of as many members as there can be: digests (34), commitments twice (68), boxes (82 bytes each). */
export const MAX_MESSAGE_BYTES = 32 * 1024

const SIGNATURE_BYTES = 64
/** What is signed begins with this, so that no other use of the peer key makes such a signature. */
const SIGNED = utf8.encode('covey/masked/1\0')

/** First: the public halves of what the member made for this round. */
export interface KeysBody {
  readonly kind: 'keys'
  readonly cohort: Uint8Array
  readonly from: number
  /** X25519: for boxes */
  readonly seal: Uint8Array
  /** X25519: for masks */
  readonly pair: Uint8Array
}

/** Second: shares of both secrets, one box a holder, in reply to the keys that the member has seen. */
export interface SharesBody {
  readonly kind: 'shares'
  readonly cohort: Uint8Array
  readonly from: number
  /** member -> sha256 of its `keys` message, null for one that sent none in time */
  readonly keys: readonly (Uint8Array | null)[]
  /** to the coefficients of the self mask's sharing */
  readonly self: readonly Uint8Array[]
  readonly pair: readonly Uint8Array[]
  /** member -> both of its shares, sealed; null for the sender itself and for those that hold none */
  readonly boxes: readonly (Uint8Array | null)[]
}

/** Third, when the masked deltas are on chain: of each member of the roster one share, never both. */
export interface UnmaskBody {
  readonly kind: 'unmask'
  readonly cohort: Uint8Array
  readonly from: number
  /** sha256 of what the survivors agree on, see masked-delta.ts */
  readonly agreement: Uint8Array
  /** whose masked deltas count, ascending: of these the self mask's share, of the other members of the roster the pairwise key's */
  readonly survivors: readonly number[]
  readonly shares: readonly (Uint8Array | null)[]
}

export type MaskedBody = KeysBody | SharesBody | UnmaskBody

export interface MaskedMessage<Body extends MaskedBody = MaskedBody> {
  readonly body: Body
  readonly bytes: Uint8Array
  /** sha256 of the bytes, 64 hex digits */
  readonly digest: string
}

const exactly = (length: number) =>
  z.custom<Uint8Array>((v) => v instanceof Uint8Array && v.byteLength === length, `expected ${length} bytes`)
const member = z
  .int()
  .min(0)
  .max(MAX_MEMBERS - 1)
const perMember = (length: number) => z.array(exactly(length).nullable()).min(1).max(MAX_MEMBERS)
const commitments = z.array(exactly(COMMITMENT_BYTES)).min(2).max(MAX_MEMBERS)
const common = { cohort: exactly(32), from: member }

const body = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('keys'), ...common, seal: exactly(KEY_BYTES), pair: exactly(KEY_BYTES) }),
  z.strictObject({
    kind: z.literal('shares'),
    ...common,
    keys: perMember(32),
    self: commitments,
    pair: commitments,
    boxes: perMember(BOX_BYTES),
  }),
  z.strictObject({
    kind: z.literal('unmask'),
    ...common,
    agreement: exactly(32),
    survivors: z.array(member).min(1).max(MAX_MEMBERS),
    shares: perMember(SHARE_BYTES),
  }),
]) satisfies z.ZodType<MaskedBody>

const envelope = z.tuple([
  z.custom<Uint8Array>((v) => v instanceof Uint8Array, 'expected bytes'),
  exactly(SIGNATURE_BYTES),
])

/** What the peer key signs. */
export function signedBytes(value: MaskedBody): Uint8Array {
  return concatBytes([SIGNED, encodeCbor(value)])
}

/** The published bytes. @param signature over `signedBytes`, 64 bytes */
export function encodeMessage(value: MaskedBody, signature: Uint8Array): Uint8Array {
  return encodeCbor([encodeCbor(value), signature])
}

/**
 * A message of this cohort. Checks size, spelling, shape, cohort, sender, signature and what follows from the cohort alone.
 * @throws CoveyError E_WIRE
 */
export function decodeMessage(bytes: Uint8Array, cohort: Cohort): MaskedMessage {
  const { body: value, signed, signature } = parse(bytes, cohort)
  const { publicKey } = cohort.members[value.from] as Cohort['members'][number]
  if (publicKey === null) throw broken('from: this member has no peer key on chain', value.from)
  if (!signedBy(publicKey, signed, signature))
    throw broken('signature: expected one of the member’s peer key', value.from)
  return { body: value, bytes, digest: sha256(bytes) }
}

/**
 * A message that enough members' masked deltas name by its digest, for one who comes late: those looked at the signature when the peer key was on chain.
 * @throws CoveyError E_WIRE
 */
export function decodeNamed(bytes: Uint8Array, cohort: Cohort): MaskedMessage {
  return { body: parse(bytes, cohort).body, bytes, digest: sha256(bytes) }
}

/** Digest of the cohort that a message says it is of, 64 hex digits. @throws CoveyError E_WIRE */
export function cohortNamedIn(bytes: Uint8Array): string {
  return bytesToHex(unpack(bytes).body.cohort)
}

function unpack(bytes: Uint8Array) {
  const [raw, signature] = checked(envelope, decodeCbor(bytes, MAX_MESSAGE_BYTES, 'masked message'))
  const value = checked(body, decodeCbor(raw, MAX_MESSAGE_BYTES, 'masked message'))
  return { body: value, signed: concatBytes([SIGNED, raw]), signature }
}

function parse(bytes: Uint8Array, cohort: Cohort): ReturnType<typeof unpack> {
  const parts = unpack(bytes)
  const value = parts.body
  if (bytesToHex(value.cohort) !== cohort.digest)
    throw broken('expected one of this cohort, got one of another cohort, round, task or chain', value.from)
  if (value.from >= cohort.members.length)
    throw broken(`from: expected a member from 0 to ${cohort.members.length - 1}`, value.from)
  checkBody(value, cohort)
  return parts
}

function checkBody(value: MaskedBody, cohort: Cohort): void {
  const { from } = value
  const lists = value.kind === 'keys' ? [] : value.kind === 'shares' ? [value.keys, value.boxes] : [value.shares]
  for (const list of lists) {
    if (list.length !== cohort.members.length)
      throw broken(`expected lists of ${cohort.members.length} members, got ${list.length}`, from)
  }
  if (value.kind === 'keys') {
    checkPublicKey(value.seal)
    checkPublicKey(value.pair)
  } else if (value.kind === 'shares') {
    const needed = sharesNeeded(cohort, from)
    if (value.self.length !== needed || value.pair.length !== needed)
      throw broken(`expected ${needed} commitments a secret, got ${value.self.length} and ${value.pair.length}`, from)
    if (value.keys[from] === null) throw broken('keys: expected the sender’s own', from)
    const holders = holdersOf(cohort, from)
    value.boxes.forEach((box, i) => {
      const expected = i !== from && holders.includes(i) && value.keys[i] !== null
      if ((box !== null) !== expected)
        throw broken(`boxes: expected ${expected ? 'one' : 'none'} for member ${i}`, from)
    })
  } else {
    value.survivors.forEach((s, i) => {
      if (s >= cohort.members.length || (i > 0 && s <= (value.survivors[i - 1] as number)))
        throw broken('survivors: expected members in ascending order', from)
    })
  }
}

function signedBy(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    // as RFC 8032 has it: a signature that only other libraries take would part the network
    return ed25519.verify(signature, bytes, publicKey, { zip215: false })
  } catch {
    return false
  }
}

function checked<T>(schema: z.ZodType<T>, raw: unknown): T {
  const result = schema.safeParse(raw)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new CoveyError('E_WIRE', `masked message: ${issue?.path.join('.') || 'shape'}: ${issue?.message}`)
}

function broken(why: string, from: number): CoveyError {
  return new CoveyError('E_WIRE', `masked message of member ${from}: ${why}`, { member: from })
}
