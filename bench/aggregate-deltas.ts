/** The layouts and deltas that the benches of aggregation work on. */
import { createLayout, linearNames } from '../src/adapter/layout.ts'
import { CoveyError } from '../src/base/errors.ts'
import { seededRandom } from '../src/base/random.ts'
import type { LoraFactor, LoraLayout } from '../src/types/adapter.ts'
import { SHAPES, type ShapeName } from './shapes.ts'

/** All linear layers of a published shape. @param layers null: as many as it has. @throws CoveyError E_ARGUMENT */
export function benchLayout(name: string, layers: number | null, rank: number): LoraLayout {
  if (!Object.hasOwn(SHAPES, name))
    throw new CoveyError('E_ARGUMENT', `--shape: expected one of ${Object.keys(SHAPES).join(', ')}, got ${name}`)
  const shape = SHAPES[name as ShapeName]
  const config = { ...shape, layers: layers ?? shape.layers }
  return createLayout(config, { rank, alpha: 16, rsLora: false, dropout: 0, targets: linearNames(config), seed: 1 })
}

/** Uniform in ±1/100 over the factors named, zero elsewhere. */
export function randomDelta(layout: LoraLayout, factors: readonly LoraFactor[], seed: number): Float32Array {
  const random = seededRandom(`delta ${seed}`)
  const out = new Float32Array(layout.size)
  for (const entry of layout.entries) {
    if (!factors.includes(entry.factor)) continue
    const end = entry.offset + entry.shape[0] * entry.shape[1]
    for (let i = entry.offset; i < end; i++) out[i] = (2 * random.next() - 1) / 100
  }
  return out
}
