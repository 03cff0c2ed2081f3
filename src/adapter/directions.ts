/**
 * The directions of an adapter: number k of its `rank` is row k of every A with column k of every B. Who trains only the first few says
 * so by the shapes in its delta, and everybody else holds what it sent with zeros behind.
 */
import type { LoraEntry, LoraLayout } from '../types/adapter.ts'
import { sizeOf } from './layout.ts'

/** The layout of the first directions alone; the same object when these are all. */
export function narrowed(layout: LoraLayout, directions: number): LoraLayout {
  if (directions >= layout.lora.rank) return layout
  let size = 0
  const entries = layout.entries.map((entry): LoraEntry => {
    const shape: LoraEntry['shape'] = entry.factor === 'A' ? [directions, entry.shape[1]] : [entry.shape[0], directions]
    const narrow = { ...entry, shape, offset: size }
    size += sizeOf(narrow)
    return narrow
  })
  return { ...layout, lora: { ...layout.lora, rank: directions }, entries, size }
}

/** The first directions of a flat vector, in the narrowed layout. @param values (layout.size) */
export function firstDirections(layout: LoraLayout, values: Float32Array, directions: number): Float32Array {
  const narrow = narrowed(layout, directions)
  if (narrow === layout) return values
  const out = new Float32Array(narrow.size)
  eachRow(layout, narrow, (from, into, length) => {
    out.set(values.subarray(from, from + length), into)
  })
  return out
}

/** The way back: (layout.size), zero in the directions behind. @param values in the layout of the first `directions` */
export function padded(layout: LoraLayout, values: Float32Array, directions: number): Float32Array {
  const narrow = narrowed(layout, directions)
  if (narrow === layout) return values
  const out = new Float32Array(layout.size)
  eachRow(layout, narrow, (from, into, length) => {
    out.set(values.subarray(into, into + length), from)
  })
  return out
}

/**
 * The same for a few tensors: the values [begin, end) of the wide flat vector out of those of the same tensors in the narrowed one.
 * @param read values [from, to) of the narrowed flat vector
 */
export async function paddedPart(
  layout: LoraLayout,
  directions: number,
  begin: number,
  end: number,
  read: (from: number, to: number) => Promise<Float32Array>,
): Promise<Float32Array> {
  const narrow = narrowed(layout, directions)
  const within = layout.entries.flatMap(({ offset }, i) => (offset >= begin && offset < end ? [i] : []))
  const moved = (of: LoraLayout, start: number): LoraLayout => ({
    ...of,
    entries: within.map((i) => {
      const entry = of.entries[i] as LoraEntry
      return { ...entry, offset: entry.offset - start }
    }),
  })
  const from = narrow.entries[within[0] ?? 0]?.offset ?? 0
  const to = narrow.entries[(within.at(-1) ?? 0) + 1]?.offset ?? narrow.size
  const values = await read(from, to)
  const out = new Float32Array(end - begin)
  eachRow(moved(layout, begin), moved(narrow, from), (wide, into, length) => {
    out.set(values.subarray(into, into + length), wide)
  })
  return out
}

/** Stretches that stand side by side in both layouts: all of a narrow A, a row of a narrow B. */
function eachRow(
  wide: LoraLayout,
  narrow: LoraLayout,
  visit: (from: number, into: number, length: number) => void,
): void {
  narrow.entries.forEach((entry, i) => {
    const from = wide.entries[i] as LoraEntry
    const [rows, columns] = entry.shape
    if (entry.factor === 'A') visit(from.offset, entry.offset, rows * columns)
    else
      for (let row = 0; row < rows; row++)
        visit(from.offset + row * from.shape[1], entry.offset + row * columns, columns)
  })
}
