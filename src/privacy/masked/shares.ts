/**
 * Verifiable secret sharing (Shamir 1979 with Feldman's commitments 1987) over ristretto255, by noble's key dealer of RFC 9591, appendix C: anyone can
 * tell a right share from a wrong one, so that a cheat is named and the honest shares still open the secret.
 */
import { ristretto255, ristretto255_FROST as vss } from '@noble/curves/ed25519.js'
import { CoveyError } from '../../base/errors.ts'
import { derive } from './keys.ts'

export const SHARE_BYTES = 32
export const COMMITMENT_BYTES = 32

export interface Dealt {
  /** to each coefficient; the first one is the secret's own */
  readonly commitments: readonly Uint8Array[]
  /** holder -> its share, 32 bytes */
  readonly shares: ReadonlyMap<number, Uint8Array>
}

export interface Share {
  readonly holder: number
  readonly share: Uint8Array
}

const identifier = (holder: number): string => vss.Identifier.fromNumber(holder + 1)

/**
 * @param secret scalar
 * @param root its coefficients follow from this and the label, so that dealing twice deals the same
 * @throws CoveyError E_COHORT when there are fewer holders than shares needed
 */
export function deal(
  secret: Uint8Array,
  needed: number,
  holders: readonly number[],
  root: Uint8Array,
  label: string,
): Dealt {
  if (holders.length < needed)
    throw new CoveyError(
      'E_COHORT',
      `shares: expected at least ${needed} members that can hold one, got ${holders.length}`,
      { needed },
    )
  let drawn = 0
  const random = (length?: number): Uint8Array => derive(root, `shares of ${label} ${drawn++}`, length ?? SHARE_BYTES)
  const { public: open, secretShares } = vss.trustedDealer(
    { min: needed, max: holders.length },
    holders.map(identifier),
    secret,
    random,
  )
  const shares = new Map(
    holders.map((holder) => [holder, (secretShares[identifier(holder)] as { signingShare: Uint8Array }).signingShare]),
  )
  return { commitments: open.commitments, shares }
}

/** True when the share is the one that the commitments bind its dealer to. */
export function isShare({ holder, share }: Share, commitments: readonly Uint8Array[]): boolean {
  try {
    const signers = { min: commitments.length, max: Math.max(commitments.length, 2) }
    vss.validateSecret(
      { identifier: identifier(holder), signingShare: share },
      { signers, commitments: [...commitments], verifyingShares: {} },
    )
    return true
  } catch {
    return false
  }
}

/** True when the first commitment is to this secret. */
export function isSecret(secret: Uint8Array, commitments: readonly Uint8Array[]): boolean {
  try {
    const { Point } = ristretto255
    return Point.BASE.multiply(Point.Fn.fromBytes(secret)).equals(Point.fromBytes(commitments[0] as Uint8Array))
  } catch {
    return false
  }
}

/** The secret, or null when fewer shares than needed are right. Wrong ones and second ones of a holder are left out. */
export function combine(shares: readonly Share[], commitments: readonly Uint8Array[]): Uint8Array | null {
  const needed = commitments.length
  const single = [...new Map(shares.map((s) => [s.holder, s])).values()].sort((a, b) => a.holder - b.holder)
  // all are right nearly always, and one look at the result says so
  const first = interpolate(single.slice(0, needed), needed)
  if (first !== null && isSecret(first, commitments)) return first
  return interpolate(single.filter((s) => isShare(s, commitments)).slice(0, needed), needed)
}

function interpolate(shares: readonly Share[], needed: number): Uint8Array | null {
  if (shares.length < needed) return null
  try {
    return vss.combineSecret(
      shares.map(({ holder, share }) => ({ identifier: identifier(holder), signingShare: share })),
      { min: needed, max: needed },
    )
  } catch {
    // a share that is no scalar
    return null
  }
}
