/**
 * The differentiable operations of a decoder, on top of `Graph`. A derivative that meets another one of the same value
 * is added inside the product that makes it (Gemm's third operand) wherever there is one.
 */
import { type Dim, type Graph, MICROSOFT, type Value } from './graph.ts'
import type { Product } from './per-example.ts'

/** a + b, or a when there is no b. No derivative is recorded. */
export const add = (g: Graph, a: Value, b: Value | undefined): Value => (b ? g.op('Add', [a, b], a.shape) : a)
const mul = (g: Graph, a: Value, b: Value, shape = a.shape): Value => g.op('Mul', [a, b], shape)

interface GemmOptions {
  readonly transA?: boolean
  readonly transB?: boolean
  readonly alpha?: number
  readonly plus?: Value | undefined
}

/** alpha·a·b + plus for matrices. */
export function gemm(
  g: Graph,
  a: Value,
  b: Value,
  { transA = false, transB = false, alpha = 1, plus }: GemmOptions = {},
): Value {
  const shape = [a.shape[transA ? 1 : 0] as Dim, b.shape[transB ? 0 : 1] as Dim]
  const attributes = { transA: { int: Number(transA) }, transB: { int: Number(transB) }, alpha: { float: alpha } }
  return g.op('Gemm', plus ? [a, b, plus] : [a, b], shape, { attributes })
}

/** y = x·Wᵀ (+ plus); x (N, in), W (out, in), y (N, out). */
export function linear(g: Graph, x: Value, weight: Value, plus?: Value): Value {
  const y = gemm(g, x, weight, { transB: true, plus })
  return g.record(y, [
    [x, (dy, sum) => gemm(g, dy, weight, { plus: sum })],
    [weight, (dy, sum) => gemm(g, dy, x, { transA: true, plus: sum })],
    ...(plus ? [[plus, (dy: Value, sum: Value | undefined) => add(g, dy, sum)] as const] : []),
  ])
}

/**
 * y + scale·(x·Aᵀ)·Bᵀ: LoRA, Hu et al. 2021 (arXiv:2106.09685). A (rank, in), B (out, rank).
 * @param apart takes the products whose gradients are wanted example by example; no derivative of A and B is recorded then
 */
export function lora(g: Graph, y: Value, x: Value, a: Value, b: Value, scale: number, apart?: Product[]): Value {
  if (apart) return loraApart(g, y, x, a, b, scale, apart)
  const h = g.record(gemm(g, x, a, { transB: true }), [
    [x, (dh, sum) => gemm(g, dh, a, { plus: sum })],
    [a, (dh, sum) => gemm(g, dh, x, { transA: true, plus: sum })],
  ])
  const out = gemm(g, h, b, { transB: true, alpha: scale, plus: y })
  return g.record(out, [
    [y, (dy, sum) => add(g, dy, sum)],
    [h, (dy, sum) => gemm(g, dy, b, { alpha: scale, plus: sum })],
    [b, (dy, sum) => gemm(g, dy, h, { transA: true, alpha: scale, plus: sum })],
  ])
}

function loraApart(g: Graph, y: Value, x: Value, a: Value, b: Value, scale: number, apart: Product[]): Value {
  const h = g.record(gemm(g, x, a, { transB: true }), [[x, (dh, sum) => gemm(g, dh, a, { plus: sum })]])
  const out = g.record(gemm(g, h, b, { transB: true, alpha: scale, plus: y }), [
    [y, (dy, sum) => add(g, dy, sum)],
    [g.watchIf(a, h), (dy, sum) => gemm(g, dy, b, { alpha: scale, plus: sum })],
  ])
  if (g.differentiable(a)) apart.push({ parameter: a, input: x, output: h, alpha: 1 })
  if (g.differentiable(b)) apart.push({ parameter: b, input: h, output: out, alpha: scale })
  return g.watchIf(b, out)
}

/** x·mask: mask carries no derivative. */
export function masked(g: Graph, x: Value, mask: Value): Value {
  return g.record(mul(g, x, mask), [[x, (dy, sum) => add(g, mul(g, dy, mask), sum)]])
}

/** RMSNorm, Zhang and Sennrich 2019 (arXiv:1910.07467): gain·x/√(mean(x²)+ε) over the last axis; x (N, D). */
export function rmsNorm(g: Graph, x: Value, gain: Value, epsilon: number): Value {
  const [rows, width] = x.shape as [Dim, number]
  const attributes = { axis: { int: -1 }, epsilon: { float: epsilon }, stash_type: { int: 1 } }
  const [y, r] = g.ops('SimplifiedLayerNormalization', [x, gain], [x.shape, [rows, 1]], { attributes }) as [
    Value,
    Value,
  ]
  // dx = r·(gain·dy − x·r²·mean(gain·dy·x)); both derivatives need dy·x
  const shared = new Map<Value, Value>()
  const dyX = (dy: Value): Value => {
    const known = shared.get(dy) ?? mul(g, dy, x)
    shared.set(dy, known)
    return known
  }
  return g.record(y, [
    [
      x,
      (dy, sum) => {
        const column = g.op('Reshape', [gain, g.ints([width, 1])], [width, 1])
        const dot = gemm(g, dyX(dy), column, { alpha: 1 / width }) // (N, 1)
        const c = mul(g, dot, mul(g, r, r))
        const dx = mul(g, g.op('Sub', [mul(g, dy, gain), mul(g, x, c)], x.shape), r)
        return add(g, dx, sum)
      },
    ],
    [
      gain,
      (dy, sum) => add(g, g.op('Reshape', [gemm(g, r, dyX(dy), { transA: true }), g.ints([width])], [width]), sum),
    ],
  ])
}

/**
 * SwiGLU, Shazeer 2020 (arXiv:2002.05202): silu(gate)·up. The sigmoid and its product with the gate are computed again for
 * the derivative: they cost less than keeping two vectors of the feed-forward's width for each token of each layer.
 */
export function swiglu(g: Graph, gate: Value, up: Value): Value {
  const silu = g.op('QuickGelu', [gate], gate.shape, { domain: MICROSOFT, attributes: { alpha: { float: 1 } } })
  const a = mul(g, silu, up)
  const again = new Map<Value, { s: Value; silu: Value }>()
  const recomputed = (da: Value) => {
    const known = again.get(da)
    if (known) return known
    const s = g.op('Sigmoid', [gate], gate.shape)
    const made = { s, silu: mul(g, gate, s) }
    again.set(da, made)
    return made
  }
  return g.record(a, [
    [
      // silu' = s + silu·(1−s), so d(gate) = da·(a + s·(up − a))
      gate,
      (da, sum) => {
        const { s } = recomputed(da)
        return add(g, mul(g, da, g.op('Add', [a, mul(g, s, g.op('Sub', [up, a], a.shape))], a.shape)), sum)
      },
    ],
    [up, (da, sum) => add(g, mul(g, da, recomputed(da).silu), sum)],
  ])
}

/** A view of the same numbers; `target` holds ONNX's 0 (keep) and -1 (infer), or is a value computed in the graph. */
export function reshape(
  g: Graph,
  x: Value,
  target: readonly number[] | Value,
  shape: readonly Dim[],
  back: readonly number[] | Value,
): Value {
  const as = (v: Value, to: readonly number[] | Value, s: readonly Dim[]): Value =>
    g.op('Reshape', [v, 'name' in to ? to : g.ints(to)], s)
  return g.record(as(x, target, shape), [[x, (dy, sum) => add(g, as(dy, back, x.shape), sum)]])
}

export function transpose(g: Graph, x: Value, perm: readonly number[]): Value {
  const apply = (v: Value, p: readonly number[]): Value =>
    g.op(
      'Transpose',
      [v],
      p.map((i) => v.shape[i] as Dim),
      { attributes: { perm: { ints: p } } },
    )
  const inverse = perm.map((_, i) => perm.indexOf(i))
  return g.record(apply(x, perm), [[x, (dy, sum) => add(g, apply(dy, inverse), sum)]])
}

/** alpha·a·b over the last two axes, batched over the others. */
function batched(g: Graph, a: Value, b: Value, transA: boolean, transB: boolean, alpha: number): Value {
  const m = a.shape.at(transA ? -1 : -2) as Dim
  const n = b.shape.at(transB ? -2 : -1) as Dim
  const attributes = { transA: { int: Number(transA) }, transB: { int: Number(transB) }, alpha: { float: alpha } }
  return g.op('FusedMatMul', [a, b], [...a.shape.slice(0, -2), m, n], { attributes, domain: MICROSOFT })
}

/**
 * softmax(scale·q·kᵀ + mask)·v; q (R, K, G·T, h), k and v (R, K, S, h), mask (R, 1, G·T, S). With a cap the scores are
 * cap·tanh(score/cap) before the mask (Gemma 2, arXiv:2408.00118, section 2).
 */
export function attend(g: Graph, q: Value, k: Value, v: Value, mask: Value, scale: number, cap?: number): Value {
  const raw = batched(g, q, k, false, true, cap === undefined ? scale : scale / cap)
  const bent = cap === undefined ? undefined : g.op('Tanh', [raw], raw.shape)
  const capped = bent && cap !== undefined ? mul(g, bent, g.scalar(cap)) : raw
  const scores = g.op('Add', [capped, mask], raw.shape)
  const p = g.op('Softmax', [scores], raw.shape, { attributes: { axis: { int: -1 } } })
  const o = batched(g, p, v, false, false, 1)
  const shared = new Map<Value, Value>()
  // dS = p·(dO·vᵀ − rowsum(dO·O)), the row sum taken over h instead of S as in FlashAttention (arXiv:2205.14135)
  const dScores = (dO: Value): Value => {
    const known = shared.get(dO)
    if (known) return known
    const rows = g.op('ReduceSum', [mul(g, dO, o), g.ints([-1])], [...o.shape.slice(0, -1), 1], {
      attributes: { keepdims: { int: 1 } },
    })
    const plain = mul(g, g.op('Sub', [batched(g, dO, v, false, true, 1), rows], raw.shape), p)
    const made = bent ? mul(g, plain, g.op('Sub', [g.scalar(1), mul(g, bent, bent)], raw.shape)) : plain
    shared.set(dO, made)
    return made
  }
  return g.record(o, [
    [q, (dO, sum) => add(g, batched(g, dScores(dO), k, false, false, scale), sum)],
    [k, (dO, sum) => add(g, batched(g, dScores(dO), q, true, false, scale), sum)],
    [v, (dO, sum) => add(g, batched(g, p, dO, true, false, 1), sum)],
  ])
}

/** Rows of `table` (V, D) by number: (…index, D). No derivative to the table is recorded: trainer.ts scatters it. */
export function rowsOf(g: Graph, table: Value, index: Value): Value {
  return g.op('Gather', [table, index], [...index.shape, ...table.shape.slice(1)], { attributes: { axis: { int: 0 } } })
}

/** The rows of x (N, D) that `index` (L) names, each at most once: (L, D). */
export function pick(g: Graph, x: Value, index: Value): Value {
  const back = (dy: Value): Value => {
    const zeros = g.op('ConstantOfShape', [g.op('Shape', [x], [2], { type: 'int64' })], x.shape)
    const column = g.op('Unsqueeze', [index, g.ints([1])], [...index.shape, 1], { type: 'int64' })
    return g.op('ScatterND', [zeros, column, dy], x.shape)
  }
  return g.record(rowsOf(g, x, index), [[x, (dy, sum) => add(g, back(dy), sum)]])
}
