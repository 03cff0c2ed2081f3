/** Many unpredictable bytes out of few: AES-256 in counter mode under a key that nobody else has and that is used once. */
import { createCipheriv } from 'node:crypto'

/** Bytes that nobody can guess; the seam by which a process's entropy comes in. */
export type RandomBytes = (length: number) => Uint8Array

const KEY_BYTES = 32
const CHUNK_BYTES = 2 ** 16
/** A key is given up after so many bytes: far below where counter mode can be told from chance (2^64 blocks). */
const KEY_LIFE_BYTES = 2 ** 40

export class Keystream {
  readonly #randomBytes: RandomBytes
  readonly #zeros = Buffer.alloc(CHUNK_BYTES)
  #cipher: ReturnType<typeof createCipheriv> | null = null
  #left = 0
  #words = new Uint32Array(0)
  #at = 0

  constructor(randomBytes: RandomBytes) {
    this.#randomBytes = randomBytes
  }

  /** Uniform 32 bits. */
  word(): number {
    if (this.#at === this.#words.length) this.#refill()
    return this.#words[this.#at++] as number
  }

  /** Uniform in [0, 2^bits), bits a multiple of 32. */
  bits(bits: number): bigint {
    let value = 0n
    for (let i = 0; i < bits; i += 32) value = (value << 32n) | BigInt(this.word())
    return value
  }

  /** True with a probability of at most `rate`, and less than 2^-48 below it: what is accounted for is an upper bound. */
  chance(rate: number): boolean {
    const high = this.word() & 0xffff
    return high * 2 ** 32 + this.word() < Math.floor(rate * 2 ** 48)
  }

  #refill(): void {
    if (this.#cipher === null || this.#left < CHUNK_BYTES) {
      this.#cipher = createCipheriv('aes-256-ctr', this.#randomBytes(KEY_BYTES), Buffer.alloc(16))
      this.#left = KEY_LIFE_BYTES
    }
    const chunk = this.#cipher.update(this.#zeros)
    this.#left -= chunk.byteLength
    // a copy: a view of 32-bit words needs their alignment
    this.#words = new Uint32Array(chunk.buffer.slice(chunk.byteOffset, chunk.byteOffset + chunk.byteLength))
    this.#at = 0
  }
}
