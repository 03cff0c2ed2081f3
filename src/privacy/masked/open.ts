/**
 * From a cohort's masked deltas and its members' shares to the sum. What is opened is one secret of each member of the roster: the self mask of a
 * survivor, the pairwise key of one that dropped out. These *openings* are the same whichever shares they were made of, and anyone can check them
 * against what the members committed to; so one who comes late takes them from anybody.
 */
import { x25519 } from '@noble/curves/ed25519.js'
import { bytesToHex, equalBytes } from '../../base/bytes.ts'
import { CoveyError } from '../../base/errors.ts'
import type { Cohort } from './cohort.ts'
import { pairKey, pairSeed, selfSeed } from './keys.ts'
import { addMask, signOf } from './mask.ts'
import type { Survivors } from './masked-delta.ts'
import { sameKeys } from './member.ts'
import type { KeysBody, MaskedMessage, SharesBody, UnmaskBody } from './messages.ts'
import { combine, isSecret } from './shares.ts'
import { keysNamed, sharesMessage, type Transcript } from './transcript.ts'

/** member -> a 32-byte scalar; null for those who are not on the roster */
export type Openings = readonly (Uint8Array | null)[]

interface RosterMember {
  readonly member: number
  readonly keys: MaskedMessage<KeysBody>
  readonly shares: MaskedMessage<SharesBody>
  readonly survivor: boolean
}

/**
 * The messages that the roster names.
 * @throws CoveyError E_COHORT when one is missing here (`data.missing`, digests), or they do not go together
 */
export function rosterMembers(survivors: Survivors, transcript: Pick<Transcript, 'all'>): readonly RosterMember[] {
  const { roster, members } = survivors
  const missing: string[] = []
  const found = roster.flatMap((entry, member) => {
    if (entry === null) return []
    const shares = sharesMessage(transcript as Transcript, member, entry.digest)
    if (shares === null) missing.push(entry.digest)
    return shares === null ? [] : [{ member, shares }]
  })
  const list = found[0]?.shares.body.keys
  const keys = list === undefined ? [] : keysNamed(transcript, list)
  for (const { member } of found) {
    const raw = list?.[member]
    if (raw && !keys[member]) missing.push(bytesToHex(raw))
  }
  if (missing.length > 0)
    throw new CoveyError('E_COHORT', `${missing.length} messages of the cohort's roster are not here yet`, { missing })
  return found.map(({ member, shares }) => {
    const own = keys[member]
    if (!own || !sameKeys(shares.body.keys, list as SharesBody['keys']))
      throw new CoveyError('E_COHORT', `member ${member} is on a roster of members that saw other keys`, { member })
    return { member, keys: own, shares, survivor: members.includes(member) }
  })
}

/**
 * The openings out of the members' shares.
 * @param unmasks as they came; those of another agreement are passed over
 * @throws CoveyError E_COHORT with `data.members`: those whose secret has too few right shares, or is not what it committed to
 */
export function openCohort(
  cohort: Cohort,
  survivors: Survivors,
  transcript: Pick<Transcript, 'all' | 'unmasks'>,
): Openings {
  const agreeing = transcript.unmasks.flatMap((m) => (m !== null && agrees(m.body, survivors) ? [m.body] : []))
  const roster = rosterMembers(survivors, transcript)
  const shut: number[] = []
  const openings: (Uint8Array | null)[] = cohort.members.map(() => null)
  for (const { member, keys, shares, survivor } of roster) {
    const given = agreeing.flatMap(({ from, shares: of }) => {
      const share = of[member]
      return share ? [{ holder: from, share }] : []
    })
    const secret = combine(given, survivor ? shares.body.self : shares.body.pair)
    if (secret === null || !(survivor || isPairKey(secret, keys))) shut.push(member)
    else openings[member] = secret
  }
  if (shut.length === 0) return openings
  throw new CoveyError(
    'E_COHORT',
    `cohort ${cohort.cohort} of round ${cohort.round}: the secrets of members ${shut.join(', ')} cannot be opened with ${agreeing.length} members' shares`,
    { members: shut },
  )
}

/** Openings from a stranger. @throws CoveyError E_COHORT unless each is the secret that its member committed to */
export function checkOpenings(survivors: Survivors, transcript: Pick<Transcript, 'all'>, openings: Openings): void {
  const roster = rosterMembers(survivors, transcript)
  for (const { member, keys, shares, survivor } of roster) {
    const secret = openings[member]
    const fits = secret && isSecret(secret, survivor ? shares.body.self : shares.body.pair)
    if (!fits || !(survivor || isPairKey(secret, keys)))
      throw new CoveyError('E_COHORT', `the opening of member ${member} is not what it committed to`, { member })
  }
}

/**
 * Takes the masks out of a sum, in place: what is left is Σ of the survivors' codes, modulo 2³².
 * @param sum of all survivors' words
 * @param openings checked: by `openCohort` or `checkOpenings`
 */
export function unmaskSum(
  cohort: Cohort,
  survivors: Survivors,
  transcript: Pick<Transcript, 'all'>,
  openings: Openings,
  sum: Uint32Array,
): void {
  const roster = rosterMembers(survivors, transcript)
  for (const { member, survivor } of roster) {
    const secret = openings[member] as Uint8Array
    if (survivor) {
      addMask(sum, selfSeed(secret, cohort.digest), -1)
      continue
    }
    // each survivor that masked with the dropped one has its mask left in the sum
    for (const other of cohort.graph[member] as readonly number[]) {
      const theirs = roster.find((r) => r.member === other && r.survivor)
      if (theirs === undefined) continue
      const seed = pairSeed(secret, theirs.keys.body.pair, cohort.digest)
      addMask(sum, seed, signOf(other, member) === 1 ? -1 : 1)
    }
  }
}

function agrees({ agreement, survivors }: UnmaskBody, expected: Survivors): boolean {
  return bytesToHex(agreement) === expected.agreement && survivors.join() === expected.members.join()
}

function isPairKey(secret: Uint8Array, { body }: MaskedMessage<KeysBody>): boolean {
  return equalBytes(x25519.getPublicKey(pairKey(secret)), body.pair)
}
