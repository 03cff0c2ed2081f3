/** Losses of a round's adapters: of the aggregate with nothing in the place of some deltas, and of deltas alone. Each is measured once. */
import type { OuterStep } from '../../src/aggregate/outer-step.ts'
import type { PackedBatch } from '../../src/types/data.ts'
import type { CanaryLosses, CanarySets } from './canaries.ts'

/** What a loss is measured on. */
export type EvalSet = readonly PackedBatch[]
/** Nats a label; 0 on a set that is not there; never NaN. */
export type LossOf = (adapter: Float32Array, set: EvalSet | null) => Promise<number>

/** A round's aggregate, opened. */
export type RoundsStep = Pick<OuterStep, 'next' | 'shares'> & MaybeLater<Pick<OuterStep, 'without' | 'letIn' | 'alone'>>

/** The same functions, whose results may be promised. */
type MaybeLater<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => R | Promise<R> : never
}

/** Of one adapter. */
export interface Losses {
  readonly probe: number
  /** measured when it is asked for: a search looks at many adapters that nothing but the probe is asked about */
  rest(): Promise<RestOfLosses>
}

export interface RestOfLosses {
  readonly own: number
  readonly forbidden: readonly CanaryLosses[]
}

/** Of two adapters that differ by one delta alone. */
export interface LossPair {
  readonly withIt: Losses
  readonly without: Losses
}

export interface RoundLosses {
  /** with nothing in the place of those that are gone */
  without(gone: ReadonlySet<number>): Promise<Losses>
  /** with delta i and without it, whether it is gone or not; one that the robust steps left out is let in */
  pair(i: number, gone: ReadonlySet<number>): Promise<LossPair>
  /** with all deltas but i nothing; null: all of them */
  alone(i: number | null): Promise<Losses>
}

export function openLosses(
  step: RoundsStep,
  { slice, held, canaries }: { slice: EvalSet | null; held: EvalSet | null; canaries: readonly CanarySets[] },
  lossOf: LossOf,
): RoundLosses {
  const measured = new Map<string, Losses>()
  const once = async (name: string, make: () => Float32Array | Promise<Float32Array>): Promise<Losses> => {
    const known = measured.get(name)
    if (known !== undefined) return known
    const probe = await lossOf(await make(), slice)
    let rest: Promise<RestOfLosses> | undefined
    // the adapter is made again: to keep every one that a search looks at would cost more than to add up a few deltas
    const losses = { probe, rest: () => (rest ??= restOf(make)) }
    measured.set(name, losses)
    return losses
  }
  const restOf = async (make: () => Float32Array | Promise<Float32Array>): Promise<RestOfLosses> => {
    if (held === null && canaries.length === 0) return { own: 0, forbidden: [] }
    const adapter = await make()
    const own = await lossOf(adapter, held)
    const forbidden: CanaryLosses[] = []
    for (const { door, control } of canaries)
      forbidden.push({ door: await lossOf(adapter, door), control: await lossOf(adapter, control) })
    return { own, forbidden }
  }
  const nameOf = (gone: ReadonlySet<number>): string => `without ${[...gone].sort((a, b) => a - b).join(' ')}`
  const without = (gone: ReadonlySet<number>): Promise<Losses> =>
    once(nameOf(gone), () => (gone.size === 0 ? step.next : step.without(gone)))
  return {
    without,
    async pair(i, gone) {
      if (step.shares[i] === 0)
        return {
          withIt: await once(`${nameOf(gone)} + ${i}`, () => step.letIn(i, gone)),
          without: await without(gone),
        }
      const others = new Set([...gone].filter((other) => other !== i))
      return { withIt: await without(others), without: await without(new Set([...others, i])) }
    },
    alone: (i) => once(`alone ${i}`, () => step.alone(i)),
  }
}
