/** What a node's owner allows to be published of the node's data. A task that asks for more is declined. */
import { CoveyError } from '../../src/base/errors.ts'
import type { DpSpec, MaskedDpSpec, PrivacySpec } from '../../src/types/spec.ts'

/** `open`: deltas without noise; `example-dp` and `node-dp`: with the noise of that unit; `masked`: only sums are seen, with noise or without. */
export const PRIVACY_KINDS = ['open', 'example-dp', 'node-dp', 'masked'] as const
export type PrivacyKind = (typeof PRIVACY_KINDS)[number]

export interface PrivacyFloor {
  readonly accept: readonly PrivacyKind[]
  /** budget: the ε of all that this node publishes, over all tasks; null = none is kept */
  readonly maxEpsilon: number | null
  /** δ that the budget is counted at */
  readonly delta: number
  /** null = any */
  readonly maxClip: number | null
}

/** One in 100,000: below one over the number of examples of any node that trains on what it wrote itself. */
export const DEFAULT_DELTA = 1e-5

/** Of an owner who said nothing. */
export const ANY_PRIVACY: PrivacyFloor = {
  accept: PRIVACY_KINDS,
  maxEpsilon: null,
  delta: DEFAULT_DELTA,
  maxClip: null,
}

export function kindOf(spec: PrivacySpec): PrivacyKind {
  // sums with noise tell less than sums without: who accepts these accepts those
  if (spec.mode === 'masked' || spec.dp === undefined) return spec.mode
  return `${spec.dp.unit}-dp`
}

/** The noise that a spec asks for: of each node alone, or in masked mode of those together whose sum is seen. */
export function dpOf(spec: PrivacySpec): DpSpec | MaskedDpSpec | undefined {
  return spec.dp
}

/** @throws CoveyError E_PRIVACY with what the task asks for and what the owner allows */
export function checkFloor(task: number, spec: PrivacySpec, floor: PrivacyFloor): void {
  const declined = (why: string): CoveyError =>
    new CoveyError('E_PRIVACY', `task ${task} is declined: ${why}`, { task })
  const kind = kindOf(spec)
  if (!floor.accept.includes(kind))
    throw declined(`its privacy is ${kind}, this node's owner accepts ${floor.accept.join(', ') || 'none'} (--privacy)`)
  const dp = dpOf(spec)
  if (floor.maxEpsilon !== null && dp === undefined)
    throw declined(
      `its deltas have no noise, so no epsilon bounds what they tell; this node's owner allows ${floor.maxEpsilon} (--max-epsilon)`,
    )
  if (dp === undefined) return
  if (floor.maxEpsilon !== null && dp.epsilon > floor.maxEpsilon)
    throw declined(
      `it may spend an epsilon of ${dp.epsilon}, this node's owner allows ${floor.maxEpsilon} in all (--max-epsilon)`,
    )
  if (floor.maxEpsilon !== null && dp.delta > floor.delta)
    throw declined(`its delta is ${dp.delta}, this node's owner allows ${floor.delta} (--privacy-delta)`)
  if (floor.maxClip !== null && dp.clip > floor.maxClip)
    throw declined(`it clips at ${dp.clip}, this node's owner allows ${floor.maxClip} (--max-clip)`)
}
