/**
 * Attention of every family: heads apart, masks, the cache, heads together. R rows, T tokens a row, N = R·T, P cached
 * tokens a row, S = P + T, G = H/K query heads a key head, h the width of a head.
 */
import type { ModelConfig } from '../../types/model.ts'
import { behindHead } from '../graph/adapter-ops.ts'
import type { Dim, Graph, Value } from '../graph/graph.ts'
import { attend, reshape, rowsOf, transpose } from '../graph/ops.ts'

/** Added to the score of a token that may not be seen: its softmax is exactly 0 in float32. */
const UNSEEN = -1e9

/** Keys and values of tokens that went through before. */
export interface PastInputs {
  /** (R, S): of the cached tokens, then of this call's */
  readonly segments: Value
  readonly positions: Value
  /** one a layer, (R, K, P, h) */
  readonly keys: readonly Value[]
  readonly values: readonly Value[]
}

/** Keys and values that every token sees, whatever its example; their places are 0 … tokens−1. */
export interface Prefix {
  readonly tokens: number
  /** false: they are not seen after all; null: always */
  readonly on: Value | null
  /** one a layer, (1, K, tokens, h) */
  readonly keys: readonly Value[]
  readonly values: readonly Value[]
}

/** Where tokens stand: by number, or (N, D) embeddings of their own in place of the table's rows. */
export type DecoderInputs = Placed & ({ readonly ids: Value } | { readonly embedded: Value })

interface Placed {
  /** (R, T) */
  readonly positions: Value
  /** (R, T) */
  readonly segments: Value
  /** (L) the places in N whose hidden state is wanted: after the last attention nothing else is computed */
  readonly index: Value
  readonly past?: PastInputs
  readonly prefix?: Prefix
}

/** Where a model gets its weights, and how its linear layers are computed. */
export interface DecoderWeights {
  weight(name: string): Value
  /** (N, out) = x·Wᵀ + plus, and what an adapter adds to the layer; x (N, in) */
  linear(module: string, x: Value, plus?: Value): Value
  /** several layers that read the same x: one by one, or what they share computed once */
  linears<const M extends readonly string[]>(modules: M, x: Value): { readonly [K in keyof M]: Value }
}

export interface DecoderOutputs {
  /** (N, D) after the token embedding */
  readonly embedded: Value
  /** (L, D) what the output matrix reads */
  readonly hidden: Value
  /** one a layer, (R, K, S, h): cache for the next call */
  readonly keys: readonly Value[]
  readonly values: readonly Value[]
}

/** Which earlier tokens a token sees. */
export interface Sight {
  /** false: the later ones too */
  readonly causal: boolean
  /** itself and so many before it, less one; null: all */
  readonly window: number | null
}

export interface Attention {
  /** (N, n·h) to (R, n, T, h), n = H or K; `edit` sees each head's numbers as rows (N·n, h) */
  heads(x: Value, n: number, edit?: (rows: Value) => Value): Value
  /** softmax(scale·q·kᵀ + mask)·v of one layer: (N, H·h); keys and values grow by this call's */
  layer(i: number, q: Value, k: Value, v: Value, sight: Sight): Value
  readonly keys: readonly Value[]
  readonly values: readonly Value[]
}

export function attention(g: Graph, config: ModelConfig, inputs: DecoderInputs): Attention {
  const { heads: H, kvHeads: K, headDim: h } = config
  const shapeOf = g.op('Shape', [inputs.positions], [2], { type: 'int64' })
  const targets = new Map<number, Value>()
  const split = (n: number): Value => {
    const known =
      targets.get(n) ??
      g.op('Concat', [shapeOf, g.ints([n, h])], [4], { type: 'int64', attributes: { axis: { int: 0 } } })
    targets.set(n, known)
    return known
  }
  const [R, T] = inputs.positions.shape as [Dim, Dim]
  const N = placesOf(inputs.positions)
  const { prefix } = inputs
  const rows = prefix ? g.op('Slice', [shapeOf, g.ints([0]), g.ints([1])], [1], { type: 'int64' }) : null
  const masks = new Map<string, Value>()
  const mask = (sight: Sight): Value => {
    const key = `${sight.causal} ${sight.window}`
    const known = masks.get(key) ?? attentionMask(g, inputs, H / K, sight)
    masks.set(key, known)
    return known
  }
  const scale = config.attentionScale ?? 1 / Math.sqrt(h)
  const keys: Value[] = []
  const values: Value[] = []
  return {
    keys,
    values,
    heads(x, n, edit) {
      const rows = edit ? edit(reshape(g, x, [-1, h], [many(N, n, `N${n}`), h], [-1, n * h])) : x
      const back = edit ? [-1, h] : [-1, n * h]
      return transpose(g, reshape(g, rows, split(n), [R, T, n, h], back), [0, 2, 1, 3])
    },
    layer(i, q, newK, newV, sight) {
      const k = withPast(g, inputs.past?.keys[i], newK)
      const v = withPast(g, inputs.past?.values[i], newV)
      keys.push(k)
      values.push(v)
      const grouped = reshape(g, q, [0, K, -1, h], [R, K, many(T, H / K, 'GT'), h], [0, H, -1, h])
      const behind = (part: Value | undefined, own: Value): Value =>
        part && rows ? behindHead(g, part, own, rows, 'VS') : own
      const [allK, allV] = [behind(prefix?.keys[i], k), behind(prefix?.values[i], v)]
      const seen = attend(g, grouped, allK, allV, mask(sight), scale, config.attentionSoftcap)
      const o = reshape(g, seen, [0, H, -1, h], [R, H, T, h], [0, K, -1, h])
      return reshape(g, transpose(g, o, [0, 2, 1, 3]), [-1, H * h], [N, H * h], split(H))
    },
  }
}

function withPast(g: Graph, past: Value | undefined, now: Value): Value {
  if (!past) return now
  const [rows, heads, , width] = now.shape as [Dim, Dim, Dim, Dim]
  return g.op('Concat', [past, now], [rows, heads, 'S', width], { attributes: { axis: { int: 2 } } })
}

/** (R, 1, G·T, S): 0 where the query's token sees the key's, UNSEEN elsewhere; columns of a prefix stand first. */
function attentionMask(
  g: Graph,
  { positions, segments, past, prefix }: DecoderInputs,
  groups: number,
  { causal, window }: Sight,
): Value {
  const [R, T] = positions.shape as [Dim, Dim]
  const column = (v: Value): Value => g.op('Unsqueeze', [v, g.ints([2])], [R, T, 1], { type: 'int64' })
  const row = (v: Value): Value => g.op('Unsqueeze', [v, g.ints([1])], [R, 1, v.shape[1] as Dim], { type: 'int64' })
  const from = column(positions)
  /** what of `seen` (null: everything) can be seen at places `to`, (R, T, width) */
  const marks = (seen: Value | null, to: Value, width: Dim): Value => {
    const grid = [R, T, width]
    const both = (a: Value | null, b: Value): Value => (a ? g.op('And', [a, b], grid, { type: 'bool' }) : b)
    let all = seen
    if (causal) all = both(all, g.op('LessOrEqual', [to, from], grid, { type: 'bool' }))
    if (window !== null) {
      const behind = g.op('Sub', [from, to], grid, { type: 'int64' })
      all = both(all, g.op('Less', [behind, g.ints([window])], grid, { type: 'bool' }))
    }
    return g.op('Where', [all, g.scalar(0), g.scalar(UNSEEN)], grid)
  }
  const S = (past?.positions ?? positions).shape[1] as Dim
  const same = g.op('Equal', [column(segments), row(past?.segments ?? segments)], [R, T, S], { type: 'bool' })
  const own = marks(same, row(past?.positions ?? positions), S)
  let [one, width] = [own, S]
  if (prefix) {
    width = 'VS'
    const places = BigInt64Array.from({ length: prefix.tokens }, (_, i) => BigInt(i))
    // only decoders take virtual tokens, so causality leaves something to see
    const before = marks(prefix.on, g.constant(places, [1, 1, prefix.tokens]), prefix.tokens)
    one = g.op('Concat', [before, own], [R, T, width], { attributes: { axis: { int: 2 } } })
  }
  const GT = many(T, groups, 'GT')
  const all =
    groups === 1 ? one : g.op('Concat', Array(groups).fill(one), [R, GT, width], { attributes: { axis: { int: 1 } } })
  return g.op('Unsqueeze', [all, g.ints([1])], [R, 1, GT, width])
}

/** (N, D) what the first layer reads; rows of a table that is trained begin a derivative. */
export function embeddedRows(g: Graph, table: Value, inputs: DecoderInputs): Value {
  return 'embedded' in inputs ? inputs.embedded : g.watchIf(table, rowsOf(g, table, inputs.ids))
}

/** How many places a grid (R, T) has. */
export function placesOf({ shape: [rows, length] }: Value): Dim {
  return typeof rows === 'number' && typeof length === 'number' ? rows * length : 'N'
}

/** `times` as many as `dim`: a number, or the dimension of that name. */
function many(dim: Dim, times: number, name: string): Dim {
  if (times === 1) return dim
  return typeof dim === 'number' ? dim * times : name
}
