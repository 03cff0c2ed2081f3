/** Masks: ChaCha20's key stream (RFC 8439) as words modulo 2³², added to a delta's codes. */
import { chacha20 } from '@noble/ciphers/chacha.js'

/** Words that are drawn at once; a mask is never whole in memory. */
const BLOCK = 16_384
const BLOCK_BYTES = 4 * BLOCK
/** ChaCha20 counts in blocks of so many bytes. */
const CHACHA_BLOCK_BYTES = 64

const ZEROS = new Uint8Array(BLOCK_BYTES)
/** Each seed is used for one mask. */
const NONCE = new Uint8Array(12)

/** words ± the mask of a 32-byte seed, in place. */
export function addMask(words: Uint32Array, seed: Uint8Array, sign: 1 | -1): void {
  const stream = new Uint32Array(BLOCK)
  const bytes = new Uint8Array(stream.buffer)
  for (let from = 0; from < words.length; from += BLOCK) {
    chacha20(seed, NONCE, ZEROS, bytes, (from * 4) / CHACHA_BLOCK_BYTES)
    const count = Math.min(BLOCK, words.length - from)
    // a Uint32Array keeps the low 32 bits of what it is given
    for (let i = 0; i < count; i++) words[from + i]! += sign * (stream[i] as number)
  }
}

/** words + other, in place. */
export function addWords(words: Uint32Array, other: Uint32Array): void {
  for (let i = 0; i < words.length; i++) words[i]! += other[i] as number
}

/** The sign with which `member` adds the mask that it has with `other`: one of the two adds it, the other takes it away. */
export function signOf(member: number, other: number): 1 | -1 {
  return member < other ? 1 : -1
}
