import type { LoraEntry, LoraLayout } from '../types/adapter.ts'

/** The A and B entries of each module; the layout has them side by side. */
export function* modulesOf(layout: LoraLayout): Generator<readonly [a: LoraEntry, b: LoraEntry]> {
  for (let i = 0; i + 1 < layout.entries.length; i += 2) {
    yield [layout.entries[i] as LoraEntry, layout.entries[i + 1] as LoraEntry]
  }
}
