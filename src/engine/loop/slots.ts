/** What is trained, and what is only fed, as places in one flat vector. */
import type { AdapterEntry, AdapterLayout, LoraEntry, LoraFactor } from '../../types/adapter.ts'
import type { BaseModel } from '../../types/model.ts'
import type { Span } from './adamw.ts'

/** One tensor inside the flat parameter vector. */
export interface Slot {
  readonly name: string
  readonly shape: readonly number[]
  readonly offset: number
  readonly size: number
  readonly trained: boolean
  /** weight decay applies: matrices, not norms */
  readonly decays: boolean
  /** where only a part of it is trained, that part */
  readonly parts?: readonly Span[]
}

/**
 * The slots of an adapter, in the layout's order.
 * @param factors those of LoRA that are trained; null: all of any method
 * @param directions how many of LoRA's directions are trained, from the first; left out: all
 */
export function adapterSlots(
  layout: AdapterLayout,
  factors: readonly LoraFactor[] | null,
  directions?: number,
): Slot[] {
  return layout.entries.map((e: AdapterEntry | LoraEntry) => ({
    name: e.name,
    shape: e.shape,
    offset: e.offset,
    size: e.shape.reduce((n, d) => n * d, 1),
    trained: factors === null || ('factor' in e && factors.includes(e.factor)),
    decays: 'factor' in e || (e.shape.length > 1 && !e.shape.includes(1)),
    ...('factor' in e && directions !== undefined && { parts: directionsOf(e, directions) }),
  }))
}

/** The first rows of A, or of every row of B its first columns. */
function directionsOf({ factor, shape, offset }: LoraEntry, directions: number): Span[] {
  const [rows, columns] = shape
  if (factor === 'A') return [{ offset, size: directions * columns, decays: true }]
  return Array.from({ length: rows }, (_, row) => ({ offset: offset + row * columns, size: directions, decays: true }))
}

/** The stretches of the flat vector that an update changes. */
export function trainedSpans(slots: readonly Slot[]): Span[] {
  return slots.flatMap((slot) => (slot.trained ? (slot.parts ?? [slot]) : []))
}

/** The slots of a whole model, in the order of `tensorNames`. */
export function modelSlots(model: BaseModel): Slot[] {
  let offset = 0
  return model.tensorNames.map((name) => {
    const shape = model.shape(name)
    const size = shape.reduce((n, d) => n * d, 1)
    const slot: Slot = { name, shape, offset, size, trained: true, decays: shape.length > 1 }
    offset += size
    return slot
  })
}
