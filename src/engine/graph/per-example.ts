/**
 * Clipped gradients of products y = alpha·x·Wᵀ for many examples at once. An example's gradient is alpha·dyᵀ·x over its own places.
 * LoRA's factors are small, so all of them are one batched product over the activations that the plain gradient reads, and their
 * norms and the sum of those that are clipped are a pass each over the result: there is no second way backwards (as in ghost
 * clipping: Goodfellow 2015, arXiv:1510.01799; Li et al. 2022, arXiv:2110.05679; Bu et al. 2023, arXiv:2210.00038, whose Gram
 * matrices over all pairs of places would cost more here, where a factor has fewer columns than an example has places).
 */
import { type Dim, type Graph, MICROSOFT, type Value } from './graph.ts'

/** output = alpha·input·parameterᵀ + …; parameter (out, in), input (N or L, in). */
export interface Product {
  readonly parameter: Value
  readonly input: Value
  readonly output: Value
  readonly alpha: number
}

export interface Examples {
  /** (R, T): the grid that N places are the rows of */
  readonly grid: Value
  /** (R, K, T): 1 where the kth example of a row has its places, 0 elsewhere */
  readonly members: Value
  /** (L) the places in N of products that see these alone */
  readonly labelled: Value
}

/** One product's gradient of every example. */
interface Apart {
  readonly parameter: Value
  /** (R·K, narrow·wide) */
  readonly rows: Value
  readonly narrow: number
  readonly wide: number
  /** the gradient lies with its columns and rows exchanged */
  readonly turned: boolean
}

/**
 * Σ over examples of their gradients, each clipped to an L2 norm of `clip` over all products together.
 * @param derivatives of the products' outputs, by name
 * @returns by the parameter's name, in its shape
 */
export function clippedGradients(
  g: Graph,
  products: readonly Product[],
  derivatives: ReadonlyMap<string, Value>,
  examples: Examples,
  clip: number,
): Map<string, Value> {
  const each = products.flatMap((product) => {
    const derivative = derivatives.get(product.output.name)
    return derivative ? [examplesApart(g, product, derivative, examples)] : []
  })
  const axes = { axes: { ints: [1] }, keepdims: { int: 1 } }
  const squares = each.map(({ rows }) => g.op('ReduceSumSquare', [rows], ['RK', 1], { attributes: axes }))
  const [first, ...others] = squares
  if (!first) return new Map()
  const total = others.reduce((sum, square) => g.op('Add', [sum, square], ['RK', 1]), first)
  const norm = g.op('Sqrt', [total], ['RK', 1])
  const most = g.scalar(clip)
  const shares = g.op('Div', [most, g.op('Max', [norm, most], ['RK', 1])], ['RK', 1])
  return new Map(
    each.map(({ parameter, rows, narrow, wide, turned }) => {
      const flat = g.op('Gemm', [shares, rows], [1, narrow * wide], { attributes: { transA: { int: 1 } } })
      const grid = g.op('Reshape', [flat, g.ints([narrow, wide])], [narrow, wide])
      if (!turned) return [parameter.name, grid]
      return [parameter.name, g.op('Transpose', [grid], [wide, narrow], { attributes: { perm: { ints: [1, 0] } } })]
    }),
  )
}

function examplesApart(g: Graph, { parameter, input, output, alpha }: Product, dy: Value, examples: Examples): Apart {
  const { grid, members } = examples
  const [out, into] = [output.shape[1] as number, input.shape[1] as number]
  // examples are told apart on the side with fewer columns: it is copied for each example of a row
  const turned = into < out
  const [few, many] = turned ? [input, dy] : [dy, input]
  const [narrow, wide] = turned ? [into, out] : [out, into]
  const [R, T] = grid.shape as [Dim, Dim]
  const size = g.op('Shape', [grid], [2], { type: 'int64' })
  const rows = (v: Value, width: number): Value => {
    const target = g.op('Concat', [size, g.ints([width])], [3], { type: 'int64', attributes: { axis: { int: 0 } } })
    return g.op('Reshape', [everyPlace(g, v, examples), target], [R, T, width])
  }
  const columns = g.op('Transpose', [rows(few, narrow)], [R, narrow, T], { attributes: { perm: { ints: [0, 2, 1] } } })
  const own = g.op(
    'Mul',
    [
      g.op('Unsqueeze', [columns, g.ints([1])], [R, 1, narrow, T]),
      g.op('Unsqueeze', [members, g.ints([2])], [R, 'K', 1, T]),
    ],
    [R, 'K', narrow, T],
  )
  const target = g.op(
    'Concat',
    [g.ints([0, -1]), g.op('Slice', [size, g.ints([1]), g.ints([2])], [1], { type: 'int64' })],
    [3],
    {
      type: 'int64',
      attributes: { axis: { int: 0 } },
    },
  )
  const flat = g.op('Reshape', [own, target], [R, 'Kn', T])
  const product = g.op('FusedMatMul', [flat, rows(many, wide)], [R, 'Kn', wide], {
    attributes: { alpha: { float: alpha } },
    domain: MICROSOFT,
  })
  return {
    parameter,
    rows: g.op('Reshape', [product, g.ints([-1, narrow * wide])], ['RK', narrow * wide]),
    narrow,
    wide,
    turned,
  }
}

/** (N, D): what is known of labelled places alone is 0 at the others. */
function everyPlace(g: Graph, v: Value, { grid, labelled }: Examples): Value {
  if (v.shape[0] !== labelled.shape[0]) return v
  const width = v.shape[1] as number
  const count = g.op('Reshape', [g.op('Size', [grid], [], { type: 'int64' }), g.ints([1])], [1], { type: 'int64' })
  const shape = g.op('Concat', [count, g.ints([width])], [2], { type: 'int64', attributes: { axis: { int: 0 } } })
  const zeros = g.op('ConstantOfShape', [shape], ['N', width])
  const index = g.op('Unsqueeze', [labelled, g.ints([1])], [...labelled.shape, 1], { type: 'int64' })
  return g.op('ScatterND', [zeros, index, v], ['N', width])
}
