/** A layout cut into runs of whole modules, so that what is read of many deltas at once stays small. */
import type { LoraEntry, LoraLayout } from '../types/adapter.ts'
import { modulesOf } from './modules.ts'

export interface Tile {
  /** of these modules alone, from offset 0 */
  readonly layout: LoraLayout
  /** [begin, end) in the whole flat vector */
  readonly begin: number
  readonly end: number
}

/** Runs of at most `values` values; a module that alone has more is a run of its own. */
export function tilesOf(layout: LoraLayout, values: number): Tile[] {
  const tiles: Tile[] = []
  let entries: LoraEntry[] = []
  const cut = (): void => {
    const begin = entries[0]?.offset
    if (begin === undefined) return
    const moved = entries.map((entry) => ({ ...entry, offset: entry.offset - begin }))
    const size = entries.reduce((sum, { shape }) => sum + shape[0] * shape[1], 0)
    tiles.push({ layout: { ...layout, entries: moved, size }, begin, end: begin + size })
    entries = []
  }
  for (const [a, b] of modulesOf(layout)) {
    const end = b.offset + b.shape[0] * b.shape[1]
    if (end - (entries[0]?.offset ?? a.offset) > values) cut()
    entries.push(a, b)
  }
  cut()
  return tiles
}
