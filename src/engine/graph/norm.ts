/** LayerNorm, Ba et al. 2016 (arXiv:1607.06450): gain·(x − mean)/√(variance + ε) + bias over the last axis. */

import { columnSums } from './elementwise.ts'
import type { Dim, Graph, Value } from './graph.ts'
import { add } from './ops.ts'

/** x (N, D), gain and bias (D). */
export function layerNorm(g: Graph, x: Value, gain: Value, bias: Value, epsilon: number): Value {
  const [rows] = x.shape as [Dim, number]
  const attributes = { axis: { int: -1 }, epsilon: { float: epsilon } }
  const [y, mean, inverse] = g.ops('LayerNormalization', [x, gain, bias], [x.shape, [rows, 1], [rows, 1]], {
    attributes,
  }) as [Value, Value, Value]
  const mul = (a: Value, b: Value, shape = a.shape): Value => g.op('Mul', [a, b], shape)
  const sub = (a: Value, b: Value): Value => g.op('Sub', [a, b], a.shape)
  const rowMean = (v: Value): Value => g.op('ReduceMean', [v], [rows, 1], { attributes: { axes: { ints: [1] } } })
  let made: Value | undefined
  const normal = (): Value => {
    made ??= mul(sub(x, mean), inverse)
    return made
  }
  return g.record(y, [
    [
      x,
      (dy, sum) => {
        // dx = (d − mean(d) − x̂·mean(d·x̂))/σ with d = gain·dy
        const d = mul(dy, gain)
        const along = mul(normal(), rowMean(mul(d, normal())))
        return add(g, mul(sub(sub(d, rowMean(d)), along), inverse), sum)
      },
    ],
    [gain, (dy, sum) => add(g, columnSums(g, mul(dy, normal())), sum)],
    [bias, (dy, sum) => add(g, columnSums(g, dy), sum)],
  ])
}
