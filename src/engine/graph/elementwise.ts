/** Differentiable operations that work number by number, and their shapes: scaling, sums, biases, slices, caps. */
import type { Dim, Graph, Value } from './graph.ts'
import { add } from './ops.ts'

const mul = (g: Graph, a: Value, b: Value): Value => g.op('Mul', [a, b], a.shape)

/** Keeps log() finite for a probability that underflows; a gradient does not pass through it. */
const TINY_PROBABILITY = 1e-37

/** max(x, 1e-37) of probabilities. No derivative is recorded. */
export function aboveZero(g: Graph, x: Value): Value {
  return g.op('Max', [x, g.scalar(TINY_PROBABILITY)], x.shape)
}

/** log of probabilities that may underflow. No derivative is recorded. */
export function logProbability(g: Graph, p: Value): Value {
  return g.op('Log', [aboveZero(g, p)], p.shape)
}

/** x·factor; x itself for 1. */
export function scaled(g: Graph, x: Value, factor: number): Value {
  if (factor === 1) return x
  const by = g.scalar(factor)
  return g.record(mul(g, x, by), [[x, (dy, sum) => add(g, mul(g, dy, by), sum)]])
}

/** x + offset; x itself for 0. */
export function shifted(g: Graph, x: Value, offset: number): Value {
  if (offset === 0) return x
  return g.record(g.op('Add', [x, g.scalar(offset)], x.shape), [[x, (dy, sum) => add(g, dy, sum)]])
}

/** a + b of the same shape. */
export function plus(g: Graph, a: Value, b: Value): Value {
  return g.record(g.op('Add', [a, b], a.shape), [
    [a, (dy, sum) => add(g, dy, sum)],
    [b, (dy, sum) => add(g, dy, sum)],
  ])
}

/** a·b of the same shape. */
export function times(g: Graph, a: Value, b: Value): Value {
  return g.record(mul(g, a, b), [
    [a, (dy, sum) => add(g, mul(g, dy, b), sum)],
    [b, (dy, sum) => add(g, mul(g, dy, a), sum)],
  ])
}

/** x (N, D) + bias (D) in every row. */
export function biased(g: Graph, x: Value, bias: Value): Value {
  return g.record(g.op('Add', [x, bias], x.shape), [
    [x, (dy, sum) => add(g, dy, sum)],
    [bias, (dy, sum) => add(g, columnSums(g, dy), sum)],
  ])
}

/** (N, D) to (D). No derivative is recorded. */
export function columnSums(g: Graph, x: Value): Value {
  return g.op('ReduceSum', [x, g.ints([0])], [x.shape[1] as Dim], { attributes: { keepdims: { int: 0 } } })
}

/** Columns of x (N, D) from `start`: (N, width). */
export function columns(g: Graph, x: Value, start: number, width: number): Value {
  const [rows, all] = x.shape as [Dim, number]
  const cut = g.op('Slice', [x, g.ints([start]), g.ints([start + width]), g.ints([1])], [rows, width])
  const back = (dy: Value): Value => g.op('Pad', [dy, g.ints([0, start, 0, all - start - width])], x.shape)
  return g.record(cut, [[x, (dy, sum) => add(g, back(dy), sum)]])
}

/** The rows `index` (N) of a small table (P, D): (N, D). The table's derivative is one product with the rows' marks. */
export function tableRows(g: Graph, table: Value, index: Value): Value {
  const [size, width] = table.shape as [number, number]
  const [n] = index.shape as [Dim]
  const rows = g.op('Gather', [table, index], [n, width], { attributes: { axis: { int: 0 } } })
  const back = (dy: Value): Value => {
    const all = g.constant(
      BigInt64Array.from({ length: size }, (_, i) => BigInt(i)),
      [size, 1],
    )
    const row = g.op('Unsqueeze', [index, g.ints([0])], [1, n], { type: 'int64' })
    const hit = g.op('Equal', [all, row], [size, n], { type: 'bool' })
    const marks = g.op('Where', [hit, g.scalar(1), g.scalar(0)], [size, n])
    return g.op('MatMul', [marks, dy], table.shape)
  }
  return g.record(rows, [[table, (dy, sum) => add(g, back(dy), sum)]])
}
