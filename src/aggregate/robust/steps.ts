/** The robust steps a task may name, by the name in its spec. */
import type { RobustStepName } from '../../types/spec.ts'
import { bucketing } from './bucketing.ts'
import { centredClip } from './centred-clip.ts'
import { clip } from './clip.ts'
import type { CoordinateRule } from './coordinate-wise.ts'
import { cosineGate } from './cosine-gate.ts'
import { dropCopies } from './drop-copies.ts'
import { geometricMedian } from './geometric-median.ts'
import { multiKrum } from './multi-krum.ts'
import type { RobustStep } from './points.ts'

/** Steps that give weights; the coordinate-wise ones give a delta and are in coordinate-wise.ts. */
export const STEPS: Readonly<Record<Exclude<RobustStepName, CoordinateRule>, RobustStep>> = {
  clip,
  'drop-copies': dropCopies,
  'cosine-gate': cosineGate,
  bucketing,
  'multi-krum': multiKrum,
  'geometric-median': geometricMedian,
  'centred-clip': centredClip,
}

/** All that a spec may name. */
export const ROBUST_STEPS: readonly RobustStepName[] = [
  ...(Object.keys(STEPS) as (keyof typeof STEPS)[]),
  'median',
  'trimmed-mean',
]

export function isCoordinateRule(name: RobustStepName): name is CoordinateRule {
  return name === 'median' || name === 'trimmed-mean'
}
