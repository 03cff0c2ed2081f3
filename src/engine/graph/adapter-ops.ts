/** Differentiable operations that only adapters need. */

import { columnSums } from './elementwise.ts'
import type { Dim, Graph, Value } from './graph.ts'
import { add } from './ops.ts'

const mul = (g: Graph, a: Value, b: Value): Value => g.op('Mul', [a, b], a.shape)

/** Column j of x (N, D) times by[j]; by (D). */
export function byColumns(g: Graph, x: Value, by: Value): Value {
  return g.record(mul(g, x, by), [
    [x, (dy, sum) => add(g, mul(g, dy, by), sum)],
    [by, (dy, sum) => add(g, columnSums(g, mul(g, dy, x)), sum)],
  ])
}

/** (n, m) to (n). */
export function rowSums(g: Graph, x: Value): Value {
  const [n, m] = x.shape as [number, number]
  const sums = g.op('ReduceSum', [x, g.ints([1])], [n], { attributes: { keepdims: { int: 0 } } })
  const spread = (dy: Value): Value =>
    g.op('Expand', [g.op('Unsqueeze', [dy, g.ints([1])], [n, 1]), g.ints([n, m])], [n, m])
  return g.record(sums, [[x, (dy, sum) => add(g, spread(dy), sum)]])
}

/** 1/√x, number by number. */
export function inverseRoot(g: Graph, x: Value): Value {
  const r = g.op('Reciprocal', [g.op('Sqrt', [x], x.shape)], x.shape)
  // −½·r³
  const slope = (): Value => mul(g, mul(g, mul(g, r, r), r), g.scalar(-0.5))
  return g.record(r, [[x, (dy, sum) => add(g, mul(g, dy, slope()), sum)]])
}

/** x where the switch is on, `other` everywhere when it is off; no derivative: only what is not trained has a switch. */
export function switched(g: Graph, on: Value | null, x: Value, other: number): Value {
  return on ? g.op('Where', [on, x, g.scalar(other)], x.shape) : x
}

/**
 * `head` (1, K, P, h) before `tail` (R, K, S, h) in each of the R rows, along the third axis: (R, K, P+S, h).
 * @param rows (1) the number R, int64
 */
export function behindHead(g: Graph, head: Value, tail: Value, rows: Value, length: Dim): Value {
  const [, K, P, h] = head.shape as [Dim, number, number, number]
  const [R] = tail.shape as [Dim]
  const target = g.op('Concat', [rows, g.ints([K, P, h])], [4], {
    type: 'int64',
    attributes: { axis: { int: 0 } },
  })
  const spread = g.op('Expand', [head, target], [R, K, P, h])
  const both = g.op('Concat', [spread, tail], [R, K, length, h], { attributes: { axis: { int: 2 } } })
  const END = 2 ** 31
  const cut = (dy: Value, from: number, to: number, shape: readonly Dim[]): Value =>
    g.op('Slice', [dy, g.ints([from]), g.ints([to]), g.ints([2])], shape)
  return g.record(both, [
    [
      head,
      (dy, sum) => {
        const own = g.op('ReduceSum', [cut(dy, 0, P, [R, K, P, h]), g.ints([0])], head.shape, {
          attributes: { keepdims: { int: 1 } },
        })
        return add(g, own, sum)
      },
    ],
    [tail, (dy, sum) => add(g, cut(dy, P, END, tail.shape), sum)],
  ])
}
