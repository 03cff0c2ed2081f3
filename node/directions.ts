/** How many of a rank's directions a task's deltas have, and how many this node trains. */
import type { TaskSpec } from '../src/types/spec.ts'
import type { TaskContext } from './context.ts'

export interface TaskDirections {
  /** that a delta may have */
  readonly least: number
  readonly most: number
  /** that this node's have */
  readonly own: number
}

/** The owner's limit counts where the task takes deltas of several ranks. */
export function directionsOf({
  aggregator,
  layout,
  spec,
  maxRank,
}: Pick<TaskContext, 'aggregator' | 'layout' | 'maxRank'> & {
  readonly spec: Pick<TaskSpec, 'aggregation'>
}): TaskDirections {
  const { rank } = layout.lora
  const most = aggregator.trainedDirections?.(rank) ?? rank
  if (spec.aggregation.ranks !== 'mixed') return { least: most, most, own: most }
  return { least: 1, most, own: Math.min(most, maxRank ?? most) }
}
