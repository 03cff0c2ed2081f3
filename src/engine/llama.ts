/**
 * The forward pass of Llama-shaped decoders (Touvron et al. 2023, arXiv:2302.13971; layer names and rotation as in Hugging
 * Face's LlamaForCausalLM). R rows, T tokens a row, N = R·T, P cached tokens a row, S = P + T, G = H/K query heads a key head.
 */
import type { ModelConfig } from '../types/model.ts'
import type { Dim, Graph, Value } from './graph.ts'
import { attend, pick, type RopeTables, reshape, rmsNorm, rope, rowsOf, swiglu, transpose } from './ops.ts'

export const EMBEDDING = 'model.embed_tokens.weight'
export const FINAL_NORM = 'model.norm.weight'
export const HEAD = 'lm_head.weight'

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

export interface DecoderInputs {
  /** (N) */
  readonly ids: Value
  /** (R, T) */
  readonly positions: Value
  /** (R, T) */
  readonly segments: Value
  /** (L) the places in N whose hidden state is wanted: after the last attention nothing else is computed */
  readonly index: Value
  readonly past?: PastInputs
}

/** Where the decoder gets its weights, and how its linear layers are computed. */
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
  /** (L, D) after the final norm */
  readonly hidden: Value
  /** one a layer, (R, K, S, h): cache for the next call */
  readonly keys: readonly Value[]
  readonly values: readonly Value[]
}

export function decoder(g: Graph, config: ModelConfig, weights: DecoderWeights, inputs: DecoderInputs): DecoderOutputs {
  const { heads: H, kvHeads: K, headDim: h, normEpsilon } = config
  const shapeOf = g.op('Shape', [inputs.positions], [2], { type: 'int64' })
  const split = (n: number): Value =>
    g.op('Concat', [shapeOf, g.ints([n, h])], [4], { type: 'int64', attributes: { axis: { int: 0 } } })
  const splitH = split(H)
  const splitK = K === H ? splitH : split(K)
  const S: Dim = inputs.past ? 'S' : 'T'
  const tables = ropeTables(g, config)
  const mask = attentionMask(g, inputs, H / K, S)
  const scale = 1 / Math.sqrt(h)

  const embedded = g.watchIf(weights.weight(EMBEDDING), rowsOf(g, weights.weight(EMBEDDING), inputs.ids))
  let x = embedded // (N, D)
  const keys: Value[] = []
  const values: Value[] = []
  for (let i = 0; i < config.layers; i++) {
    const layer = `model.layers.${i}`
    const byHead = (y: Value, n: number, to: Value): Value =>
      transpose(g, reshape(g, y, to, ['R', 'T', n, h], [-1, n * h]), [0, 2, 1, 3]) // (R, n, T, h)

    const a = rmsNorm(g, x, weights.weight(`${layer}.input_layernorm.weight`), normEpsilon)
    const [qs, ks, vs] = weights.linears(
      [`${layer}.self_attn.q_proj`, `${layer}.self_attn.k_proj`, `${layer}.self_attn.v_proj`],
      a,
    )
    const q = rope(g, byHead(qs, H, splitH), inputs.positions, tables)
    const newK = rope(g, byHead(ks, K, splitK), inputs.positions, tables)
    const newV = byHead(vs, K, splitK)
    const k = withPast(g, inputs.past?.keys[i], newK)
    const v = withPast(g, inputs.past?.values[i], newV)
    keys.push(k)
    values.push(v)
    const grouped = reshape(g, q, [0, K, -1, h], ['R', K, H === K ? 'T' : 'GT', h], [0, H, -1, h])
    const o = reshape(g, attend(g, grouped, k, v, mask, scale), [0, H, -1, h], ['R', H, 'T', h], [0, K, -1, h])
    const joined = reshape(g, transpose(g, o, [0, 2, 1, 3]), [-1, H * h], ['N', H * h], splitH)
    // only attention moves numbers between places, so the rest of the last layer needs the wanted ones alone
    const last = i === config.layers - 1
    const wanted = (v: Value): Value => (last ? pick(g, v, inputs.index) : v)
    x = weights.linear(`${layer}.self_attn.o_proj`, wanted(joined), wanted(x))

    const b = rmsNorm(g, x, weights.weight(`${layer}.post_attention_layernorm.weight`), normEpsilon)
    const [gate, up] = weights.linears([`${layer}.mlp.gate_proj`, `${layer}.mlp.up_proj`], b)
    x = weights.linear(`${layer}.mlp.down_proj`, swiglu(g, gate, up), x)
  }
  return { embedded, hidden: rmsNorm(g, x, weights.weight(FINAL_NORM), normEpsilon), keys, values }
}

function withPast(g: Graph, past: Value | undefined, now: Value): Value {
  if (!past) return now
  const [rows, heads, , width] = now.shape as [Dim, Dim, Dim, Dim]
  return g.op('Concat', [past, now], [rows, heads, 'S', width], { attributes: { axis: { int: 2 } } })
}

/** (R, 1, G·T, S): 0 where the key is in the query's segment and not after it, UNSEEN elsewhere. */
function attentionMask(g: Graph, { positions, segments, past }: DecoderInputs, groups: number, S: Dim): Value {
  const column = (v: Value): Value => g.op('Unsqueeze', [v, g.ints([2])], ['R', 'T', 1], { type: 'int64' })
  const row = (v: Value): Value => g.op('Unsqueeze', [v, g.ints([1])], ['R', 1, S], { type: 'int64' })
  const same = g.op('Equal', [column(segments), row(past?.segments ?? segments)], ['R', 'T', S], { type: 'bool' })
  const before = g.op('LessOrEqual', [row(past?.positions ?? positions), column(positions)], ['R', 'T', S], {
    type: 'bool',
  })
  const seen = g.op('And', [same, before], ['R', 'T', S], { type: 'bool' })
  const one = g.op('Where', [seen, g.scalar(0), g.scalar(UNSEEN)], ['R', 'T', S])
  const all =
    groups === 1 ? one : g.op('Concat', Array(groups).fill(one), ['R', 'GT', S], { attributes: { axis: { int: 1 } } })
  return g.op('Unsqueeze', [all, g.ints([1])], ['R', 1, groups === 1 ? 'T' : 'GT', S])
}

/** Angle of pair i at position t: t·θ^(−2i/h). */
function ropeTables(g: Graph, { headDim, maxPositions, ropeTheta }: ModelConfig): RopeTables {
  const half = headDim / 2
  const cos = new Float32Array(maxPositions * half)
  const sin = new Float32Array(maxPositions * half)
  for (let t = 0; t < maxPositions; t++) {
    for (let i = 0; i < half; i++) {
      const angle = t * ropeTheta ** ((-2 * i) / headDim)
      cos[t * half + i] = Math.cos(angle)
      sin[t * half + i] = Math.sin(angle)
    }
  }
  const shape = [maxPositions, half]
  return {
    cos: g.constant(cos, shape),
    sin: g.constant(sin, shape),
    minusSin: g.constant(
      sin.map((x) => -x),
      shape,
    ),
  }
}
