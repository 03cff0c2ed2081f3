/** What a bench of attacks changes in rounds (rounds.ts): data, what is published, and who judges it. */
import type { OuterStep } from '../src/aggregate/outer-step.ts'
import type { TokenizedExample } from '../src/types/data.ts'
import type { RobustStepName } from '../src/types/spec.ts'

/** A round's deltas before it settles. */
export interface Unsettled {
  readonly round: number
  /** nodes that proposed, and those of the rest that vote */
  readonly seats: readonly number[]
  readonly voters: readonly number[]
  /** seats whose deltas pass a node's checks: the step is made of these, in this order */
  readonly usable: readonly number[]
  /** (layout.size) the global adapter that the round started from, and what that was built on; null in the first round */
  readonly incumbent: Float32Array
  readonly before: Float32Array | null
  readonly step: OuterStep
}

/** How a round settles: which of its deltas count, and whether the incumbent goes. */
export interface Verdict {
  /** by seat */
  readonly included: readonly boolean[]
  readonly rolledBack: boolean
}

/** Votes on rounds, from the first to the last of one run. */
export interface Judge {
  /** has lost too much stake to be drawn: its seat goes to the next that is drawn, and when too few are left, to nobody */
  barred(node: number): boolean
  judge(round: Unsettled): Promise<Verdict>
}

/** What a bench of attacks changes in the rounds. */
export interface Interference {
  /** per node, instead of its own examples */
  readonly examples: readonly (readonly TokenizedExample[])[]
  /** (layout.size) each, seat order: what is published instead of what was trained */
  readonly publish: (
    trained: readonly Float32Array[],
    seats: readonly number[],
    round: number,
  ) => readonly Float32Array[]
  /** in front of the rule, instead of the spec's */
  readonly robust: readonly RobustStepName[]
  /** left out: every delta counts */
  readonly judge?: Judge
}
