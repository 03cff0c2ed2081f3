/**
 * DoRA, Liu et al. 2024 (arXiv:2402.09353): y = m/‖W + s·B·A‖ · (x·Wᵀ + s·(x·Aᵀ)·Bᵀ), norms of rows. They are found without
 * the sum of the matrices, ‖w + s·b·A‖² = ‖w‖² + s·b·(2·A·w + s·A·Aᵀ·b), and derived like the rest: the paper holds them
 * constant in the derivative to save a matrix that is not made here. The norms are those of W in float32, also where products
 * with it are in fewer bits; it is then kept beside them.
 */

import { loraScale } from '../../../base/lora-scale.ts'
import { byColumns, inverseRoot, rowSums, switched } from '../../graph/adapter-ops.ts'
import { scaled, plus as sumOf, times } from '../../graph/elementwise.ts'
import { lora as addLora, linear } from '../../graph/ops.ts'
import type { MethodGraph } from '../adapter-graph.ts'
import { checkPair, dropoutOf, pairsOf } from './lora.ts'

export const dora: MethodGraph<'dora'> = (input) => {
  const { g, model, layout, value } = input
  const pairs = pairsOf(input)
  const scale = loraScale(layout.lora)
  const { plan, drop } = dropoutOf(input, [...pairs.keys()])
  const magnitudes = new Map(
    layout.entries.filter((e) => e.name.endsWith('.lora_magnitude_vector')).map((e) => [e.module, value(e.name)]),
  )
  const on = input.switchedOn()
  return {
    linear(module, x, frozen, plus) {
      const pair = pairs.get(module)
      const magnitude = magnitudes.get(module)
      const y = frozen.product(x)
      if (!pair || !magnitude) return plus ? sumOf(g, y, plus) : y
      const outputs = y.shape[1] as number
      checkPair(module, pair, x.shape[1], outputs)
      const { A, B } = pair
      const own = g.weight(`${module}:norms`, [outputs], 'float32', () =>
        squares(model.tensor(`${module}.weight`), outputs),
      )
      const inner = sumOf(
        g,
        scaled(g, linear(g, frozen.weight(), A), 2),
        scaled(g, linear(g, B, linear(g, A, A)), scale),
      )
      const square = sumOf(g, own, scaled(g, rowSums(g, times(g, B, inner)), scale))
      const by = switched(g, on, times(g, magnitude, inverseRoot(g, square)), 1)
      const out = byColumns(g, addLora(g, y, drop(module, x), A, B, scale), by)
      return plus ? sumOf(g, out, plus) : out
    },
    dropout: plan,
  }
}

/** Σ of squares of each of `rows` rows. */
function squares(w: Float32Array, rows: number): Float32Array {
  const width = w.length / rows
  return Float32Array.from({ length: rows }, (_, o) => {
    let sum = 0
    for (let i = o * width; i < (o + 1) * width; i++) sum += (w[i] as number) ** 2
    return sum
  })
}
