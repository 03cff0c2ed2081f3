/** What stands between the two halves of a feed-forward. GELU: Hendrycks and Gimpel 2016 (arXiv:1606.08415). */
import type { Activation } from '../../types/model.ts'
import { times } from '../graph/elementwise.ts'
import type { Graph, Value } from '../graph/graph.ts'
import { add, swiglu } from '../graph/ops.ts'

/** f(gate)·up: SwiGLU, GeGLU, ReGLU (Shazeer 2020, arXiv:2002.05202). */
export function gated(g: Graph, kind: Activation, gate: Value, up: Value): Value {
  return kind === 'silu' ? swiglu(g, gate, up) : times(g, activation(g, kind, gate), up)
}

export function activation(g: Graph, kind: Activation, x: Value): Value {
  const { value, slope } = FUNCTIONS[kind](calculator(g, x.shape), x)
  return g.record(value, [[x, (dy, sum) => add(g, g.op('Mul', [dy, slope()], x.shape), sum)]])
}

interface Curve {
  readonly value: Value
  /** the derivative at x, made when it is needed */
  readonly slope: () => Value
}

type Calculator = ReturnType<typeof calculator>

/** Number by number, with constants as numbers. */
function calculator(g: Graph, shape: Value['shape']) {
  const value = (v: Value | number): Value => (typeof v === 'number' ? g.scalar(v) : v)
  const two =
    (op: string) =>
    (a: Value | number, b: Value | number): Value =>
      g.op(op, [value(a), value(b)], shape)
  const one =
    (op: string) =>
    (a: Value): Value =>
      g.op(op, [a], shape)
  return {
    mul: two('Mul'),
    add: two('Add'),
    sub: two('Sub'),
    tanh: one('Tanh'),
    erf: one('Erf'),
    exp: one('Exp'),
    sigmoid: one('Sigmoid'),
    relu: one('Relu'),
    sign: one('Sign'),
  }
}

const FUNCTIONS: Readonly<Record<Activation, (c: Calculator, x: Value) => Curve>> = {
  relu: (c, x) => {
    const value = c.relu(x)
    return { value, slope: () => c.sign(value) }
  },
  silu: (c, x) => {
    const s = c.sigmoid(x)
    const value = c.mul(x, s)
    return { value, slope: () => c.add(s, c.mul(value, c.sub(1, s))) }
  },
  // x·Φ(x); slope Φ(x) + x·φ(x)
  gelu: (c, x) => {
    const below = c.mul(0.5, c.add(1, c.erf(c.mul(x, Math.SQRT1_2))))
    const density = (): Value => c.mul(1 / Math.sqrt(2 * Math.PI), c.exp(c.mul(-0.5, c.mul(x, x))))
    return { value: c.mul(x, below), slope: () => c.add(below, c.mul(x, density())) }
  },
  // x·(1 + tanh u)/2 with u = √(2/π)·(x + 0.044715·x³)
  'gelu-tanh': (c, x) => {
    const rate = Math.sqrt(2 / Math.PI)
    const square = c.mul(x, x)
    const t = c.tanh(c.mul(rate, c.mul(x, c.add(1, c.mul(0.044715, square)))))
    const half = c.mul(0.5, c.add(1, t))
    const inner = (): Value => c.mul(rate, c.add(1, c.mul(3 * 0.044715, square)))
    const slope = (): Value => c.add(half, c.mul(c.mul(0.5, x), c.mul(c.sub(1, c.mul(t, t)), inner())))
    return { value: c.mul(x, half), slope }
  },
}
