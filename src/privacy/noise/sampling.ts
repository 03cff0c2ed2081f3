/**
 * Poisson sampling: each example is in a step by itself with the same probability. The accounting is about this and nothing else:
 * shuffled batches of a fixed size leak more (Chua et al. 2024, arXiv:2403.17673). Who is in a step must not be known either, so the
 * numbers come from a cryptographic source.
 */
import { Keystream, type RandomBytes } from './keystream.ts'

/** Draws the examples of one step after the other, in their order; often more or fewer than rate·length, sometimes none. */
export function poissonSteps<T>(examples: readonly T[], rate: number, randomBytes: RandomBytes): () => T[] {
  const source = new Keystream(randomBytes)
  return () => examples.filter(() => rate >= 1 || source.chance(rate))
}
