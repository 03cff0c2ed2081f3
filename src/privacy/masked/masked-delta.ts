/**
 * A member's masked delta as published bytes, what its digest on chain stands for: `covm`, the length of the header as 4 bytes, the header in CBOR,
 * then one 32-bit word a value, little-endian. The header says with whom the member masked (the *roster*): members whose
 * rosters differ have masks that do not cancel, so those of one roster are summed and the others count as dropped.
 */
import { z } from 'zod'
import { bytesOf, bytesToHex, concatBytes, sha256, utf8 } from '../../base/bytes.ts'
import { decodeCbor, encodeCbor } from '../../base/cbor.ts'
import { CoveyError } from '../../base/errors.ts'
import { type Cohort, MAX_MEMBERS } from './cohort.ts'
import { MAX_MESSAGE_BYTES } from './messages.ts'

const MAGIC = utf8.encode('covm')
const FIXED_BYTES = 8
/** A digest and a size for each member. */
const MAX_HEADER_BYTES = 64 + MAX_MEMBERS * 64

export interface RosterEntry {
  /** of the member's `shares` message, 64 hex digits */
  readonly digest: string
  /** bytes */
  readonly size: number
}

/** member -> its `shares` message; null: not masked with */
export type Roster = readonly (RosterEntry | null)[]

export interface MaskedDelta {
  readonly from: number
  readonly roster: Roster
  /** codes plus masks, modulo 2³² */
  readonly words: Uint32Array
}

const bytes32 = z.custom<Uint8Array>((v) => v instanceof Uint8Array && v.byteLength === 32, 'expected 32 bytes')
const header = z.strictObject({
  cohort: bytes32,
  from: z
    .int()
    .min(0)
    .max(MAX_MEMBERS - 1),
  roster: z
    .array(z.tuple([bytes32, z.int().min(1).max(MAX_MESSAGE_BYTES)]).nullable())
    .min(1)
    .max(MAX_MEMBERS),
})

/** Largest masked delta of so many values, bytes. */
export function maxMaskedBytes(values: number): number {
  return FIXED_BYTES + MAX_HEADER_BYTES + 4 * values
}

const rawRoster = (roster: Roster) =>
  roster.map((entry) => (entry === null ? null : [Uint8Array.from(Buffer.from(entry.digest, 'hex')), entry.size]))

export function encodeMasked({ digest }: Pick<Cohort, 'digest'>, { from, roster, words }: MaskedDelta): Uint8Array {
  const head = encodeCbor({ cohort: Uint8Array.from(Buffer.from(digest, 'hex')), from, roster: rawRoster(roster) })
  const fixed = new Uint8Array(FIXED_BYTES)
  fixed.set(MAGIC)
  new DataView(fixed.buffer).setUint32(MAGIC.length, head.byteLength, true)
  return concatBytes([fixed, head, bytesOf(words)])
}

/**
 * @param from the member whose seat revealed it
 * @param values how many the round's factors have
 * @throws CoveyError E_DELTA for bytes that this member cannot have published in this cohort
 */
export function decodeMasked(bytes: Uint8Array, cohort: Cohort, from: number, values: number): MaskedDelta {
  const fail = (why: string): never => {
    throw new CoveyError('E_DELTA', `masked delta of member ${from}: ${why}`, { member: from })
  }
  if (bytes.byteLength > maxMaskedBytes(values) || bytes.byteLength < FIXED_BYTES + 4 * values)
    return fail(`expected ${values} values, got ${bytes.byteLength} bytes`)
  if (!MAGIC.every((b, i) => bytes[i] === b)) return fail('expected `covm` at the beginning')
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true)
  if (FIXED_BYTES + size + 4 * values !== bytes.byteLength)
    return fail(
      `expected ${FIXED_BYTES + 4 * values} bytes and a header, got ${bytes.byteLength} with a header of ${size}`,
    )
  let raw: unknown
  try {
    raw = decodeCbor(bytes.subarray(FIXED_BYTES, FIXED_BYTES + size), MAX_HEADER_BYTES, 'masked delta')
  } catch (cause) {
    throw new CoveyError(
      'E_DELTA',
      `masked delta of member ${from}: its header is no CBOR`,
      { member: from },
      { cause },
    )
  }
  const result = header.safeParse(raw)
  if (!result.success) return fail(`header: ${result.error.issues[0]?.message}`)
  const { data } = result
  if (bytesToHex(data.cohort) !== cohort.digest) return fail('it is of another cohort, round, task or chain')
  if (data.from !== from) return fail(`it says that it is of member ${data.from}`)
  if (data.roster.length !== cohort.members.length)
    return fail(`expected a roster of ${cohort.members.length} members, got ${data.roster.length}`)
  if (data.roster[from] === null) return fail('expected itself in its roster')
  const roster = data.roster.map((entry) => entry && { digest: bytesToHex(entry[0]), size: entry[1] })
  // the words may stand at an odd place in the file: copied, so that they can be read as words
  const words = new Uint32Array(values)
  bytesOf(words).set(bytes.subarray(FIXED_BYTES + size))
  return { from, roster, words }
}

/** What those who can be summed have in common: roster and base. 64 hex digits. */
export function agreementOf({ digest }: Pick<Cohort, 'digest'>, roster: Roster, baseDigest: string): string {
  return sha256(encodeCbor({ cohort: digest, base: baseDigest, roster: rawRoster(roster) }))
}

/** What a member has on chain and, if it is here, in its blob. */
export interface Published {
  readonly member: number
  readonly baseDigest: string
  /** null: its bytes are here and are no masked delta of this cohort */
  readonly roster: Roster | null
}

export interface Survivors {
  readonly agreement: string
  readonly roster: Roster
  readonly baseDigest: string
  /** whose masked deltas are summed, ascending */
  readonly members: readonly number[]
}

/**
 * Whose deltas are summed: those of the one agreement that at least `threshold` members published. There cannot be two, since that is more than half.
 * A pure function of the chain and the blobs that it names; who has not all of those blobs waits.
 * @returns null when no agreement has enough members: nothing of this cohort is ever opened
 */
export function survivorsOf(cohort: Cohort, published: readonly Published[]): Survivors | null {
  const groups = new Map<string, { roster: Roster; baseDigest: string; members: number[] }>()
  for (const { member, baseDigest, roster } of published) {
    if (roster === null) continue
    const agreement = agreementOf(cohort, roster, baseDigest)
    const group = groups.get(agreement) ?? { roster, baseDigest, members: [] }
    // masks of one who is not on the roster are taken away by nobody
    if (roster[member] !== null) group.members.push(member)
    groups.set(agreement, group)
  }
  for (const [agreement, { roster, baseDigest, members }] of groups) {
    if (members.length >= cohort.threshold)
      return { agreement, roster, baseDigest, members: members.sort((a, b) => a - b) }
  }
  return null
}
