/** The weights of a graph: frozen ones become constants, in the precision asked for; an adapter has its say in each. */
import type { Precision } from '../../types/engine.ts'
import type { BaseModel } from '../../types/model.ts'
import type { Graph, Value } from '../graph/graph.ts'
import { blockOf, Int4Products } from '../graph/int4.ts'
import { Int8Products } from '../graph/int8.ts'
import { gemm, linear } from '../graph/ops.ts'
import type { AdapterGraph, FrozenLinear } from './adapter-graph.ts'
import type { DecoderWeights } from './attention.ts'

/** Products with the (V, D) matrix that the head reads. No derivative is recorded: the loss makes its own. */
export interface HeadProducts {
  /** h·Wᵀ: (L, D) to (L, V) */
  logits(h: Value): Value
  /** p·W: (L, V) to (L, D) */
  back(p: Value): Value
}

export interface GraphWeights extends DecoderWeights {
  head(name: string): HeadProducts
}

export interface GraphWeightsOptions {
  readonly model: BaseModel
  /** `stored`: 4-bit weights of the model's own as its file has them, everything else in float32 */
  readonly precision: Precision | 'stored'
  /** weights that are fed or trained, by name: these stay in float32 */
  readonly fed: ReadonlyMap<string, Value>
  readonly adapter: AdapterGraph | null
}

export function graphWeights(g: Graph, options: GraphWeightsOptions): GraphWeights {
  const { model, precision, adapter } = options
  const fed = adapter?.replaced ?? options.fed
  const frozen = new Map<string, Value>()
  const seen = new Map<string, Value>()
  const base = (name: string): Value => {
    const known = fed.get(name) ?? frozen.get(name)
    if (known) return known
    const made = g.weight(name, model.shape(name), 'float32', () => model.tensor(name))
    frozen.set(name, made)
    return made
  }
  const weight = (name: string): Value => {
    const known = seen.get(name)
    if (known) return known
    const made = adapter?.weight?.(name, base(name)) ?? base(name)
    seen.set(name, made)
    return made
  }
  const int8 = precision === 'int8' ? new Int8Products(g, model) : null
  const int4 = precision === 'int4' || precision === 'stored' ? new Int4Products(g, model) : null
  const rounded = int4 ?? int8
  const isRounded = (name: string): boolean =>
    !fed.has(name) && (precision !== 'stored' || blockOf(model.rounded?.(name) ?? null) !== null)
  const names = new Set(model.tensorNames)
  const layer = (module: string): FrozenLinear => {
    const name = `${module}.weight`
    const bias = `${module}.bias`
    return {
      product: (x, plus) =>
        rounded && isRounded(name) ? rounded.linear(name, x, plus) : linear(g, x, base(name), plus),
      weight: () => base(name),
      bias: () => (names.has(bias) ? weight(bias) : null),
    }
  }
  const one = (module: string, x: Value, plus?: Value): Value =>
    adapter?.linear?.(module, x, layer(module), plus) ?? layer(module).product(x, plus)
  return {
    weight,
    linear: one,
    linears: <const M extends readonly string[]>(modules: M, x: Value) =>
      modules.map((module) => one(module, x)) as { readonly [K in keyof M]: Value },
    head(name) {
      // in 4 bits too much is lost: every token's logit passes here
      const inBytes = int8 !== null && !fed.has(name)
      return {
        logits: (h) => (inBytes ? int8.forward(name, h) : gemm(g, h, weight(name), { transB: true })),
        // never in 8 bits: probabilities span more orders of magnitude than those hold, and the mass of the unlikely tokens,
        // each of which would round to 0, is what holds their logits down
        back: (p) => gemm(g, p, weight(name)),
      }
    },
  }
}
