/**
 * A member's secrets of one round and what is derived from them. All of them follow from one random root, so that a node that was killed goes on
 * with the same ones, and nothing of a round is left when the root is forgotten.
 */
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { mapHashToField } from '@noble/curves/abstract/modular.js'
import { ristretto255, x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8 } from '../../base/bytes.ts'
import { CoveyError } from '../../base/errors.ts'

export const KEY_BYTES = 32
/** Both shares of one holder and Poly1305's tag. */
export const BOX_BYTES = 2 * 32 + 16
/** Each key seals one box: a counter would never move. */
const NONCE = new Uint8Array(12)

export interface MemberSecrets {
  /** 32 random bytes, one round's, never published */
  readonly root: Uint8Array
  /** opens boxes that others seal for this member; never shared */
  readonly seal: Uint8Array
  readonly sealPublic: Uint8Array
  /** scalar, dealt in shares: opened when the member drops out */
  readonly pair: Uint8Array
  readonly pairPublic: Uint8Array
  /** scalar, dealt in shares: opened when the member's masked delta counts */
  readonly self: Uint8Array
}

/** HKDF-SHA256 (RFC 5869); the label is written out, so that no two uses have the same output. */
export function derive(secret: Uint8Array, label: string, length: number, salt?: Uint8Array): Uint8Array {
  return hkdf(sha256, secret, salt, utf8.encode(`covey/masked/1/${label}`), length)
}

/** A number below the order of ristretto255, uniform to 2^-128, as 32 bytes. */
function scalar(root: Uint8Array, label: string): Uint8Array {
  return mapHashToField(derive(root, label, 48), ristretto255.Point.Fn.ORDER, true)
}

/** The X25519 secret that a pairwise scalar stands for. */
export function pairKey(pair: Uint8Array): Uint8Array {
  return derive(pair, 'pair key', KEY_BYTES)
}

/** @param root 32 random bytes of this round */
export function memberSecrets(root: Uint8Array): MemberSecrets {
  const seal = derive(root, 'seal', KEY_BYTES)
  const pair = scalar(root, 'pair')
  return {
    root,
    seal,
    sealPublic: x25519.getPublicKey(seal),
    pair,
    pairPublic: x25519.getPublicKey(pairKey(pair)),
    self: scalar(root, 'self'),
  }
}

/** @throws CoveyError E_WIRE for a public key without a secret (a point of small order) */
function agree(secret: Uint8Array, publicKey: Uint8Array): Uint8Array {
  try {
    return x25519.getSharedSecret(secret, publicKey)
  } catch (cause) {
    throw new CoveyError('E_WIRE', 'key: expected an X25519 public key, got a point of small order', {}, { cause })
  }
}

/** A key that everybody would share a secret with is none. @throws CoveyError E_WIRE */
export function checkPublicKey(publicKey: Uint8Array): void {
  agree(pairKey(new Uint8Array(KEY_BYTES)), publicKey)
}

/**
 * What two members mask with; the same for both.
 * @param pair the scalar of one of them, its own or opened by others
 * @param cohort the cohort's digest
 */
export function pairSeed(pair: Uint8Array, publicKey: Uint8Array, cohort: string): Uint8Array {
  return derive(agree(pairKey(pair), publicKey), `pair mask ${cohort}`, KEY_BYTES)
}

/** What a member masks its own delta with besides. */
export function selfSeed(self: Uint8Array, cohort: string): Uint8Array {
  return derive(self, `self mask ${cohort}`, KEY_BYTES)
}

interface Route {
  readonly cohort: string
  readonly from: number
  readonly to: number
}

const boxKey = (shared: Uint8Array, { cohort, from, to }: Route): Uint8Array =>
  derive(shared, `box ${cohort} ${from} ${to}`, KEY_BYTES)

/** Shares for one holder, so that it alone reads them. ChaCha20-Poly1305 (RFC 8439) under a key of this pair, cohort and direction. */
export function sealBox(
  secret: Uint8Array,
  publicKey: Uint8Array,
  route: Route,
  self: Uint8Array,
  pair: Uint8Array,
): Uint8Array {
  return chacha20poly1305(boxKey(agree(secret, publicKey), route), NONCE).encrypt(concatBytes([self, pair]))
}

/** @returns null when the box was not sealed for this holder by that member */
export function openBox(
  secret: Uint8Array,
  publicKey: Uint8Array,
  route: Route,
  box: Uint8Array,
): { readonly self: Uint8Array; readonly pair: Uint8Array } | null {
  try {
    const shares = chacha20poly1305(boxKey(agree(secret, publicKey), route), NONCE).decrypt(box)
    return { self: shares.slice(0, 32), pair: shares.slice(32) }
  } catch {
    return null
  }
}
