import { createHash } from 'node:crypto'

/** A source of numbers that the caller owns; seeded ones give the same sequence on every machine. */
export interface Random {
  /** uniform in [0, 1) with 32 random bits */
  next(): number
  /** uniform integer in [0, bound) */
  int(bound: number): number
}

/**
 * sfc32 (Chris Doty-Humphrey, PractRand) seeded by sha256 of the seed's text: 32-bit integer operations only,
 * so the sequence is the same everywhere. Not for secrets.
 */
export function seededRandom(seed: string | number): Random {
  const hash = createHash('sha256').update(String(seed)).digest()
  let a = hash.readUInt32LE(0)
  let b = hash.readUInt32LE(4)
  let c = hash.readUInt32LE(8)
  let d = hash.readUInt32LE(12)
  const bits = (): number => {
    const t = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    c |= 0
    return t >>> 0
  }
  for (let i = 0; i < 12; i++) bits()
  return {
    next: () => bits() / 4294967296,
    int(bound) {
      // rejection keeps it uniform
      const limit = Math.floor(4294967296 / bound) * bound
      for (;;) {
        const x = bits()
        if (x < limit) return x % bound
      }
    },
  }
}

/** A standard normal number (Box and Muller). For noise and weights, not where machines must agree to the bit. */
export function gaussian(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
}

/** Fisher and Yates, in place; returns its argument. */
export function shuffle<T>(items: T[], random: Random): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.int(i + 1)
    const x = items[i] as T
    items[i] = items[j] as T
    items[j] = x
  }
  return items
}
