/** What a method of training a part of a model does to the decoder's graph; one file a method in methods/. */
import type { LayoutOf, MethodName } from '../../types/adapter.ts'
import type { BaseModel } from '../../types/model.ts'
import type { Graph, Value } from '../graph/graph.ts'
import type { Product } from '../graph/per-example.ts'

/** What a run must feed so that dropout has masks: `dropoutRows` of so many modules. */
export interface DropoutPlan {
  readonly input: string
  readonly modules: number
}

/** A linear layer of the base, as it is without an adapter. */
export interface FrozenLinear {
  /** x·Wᵀ + plus, in the precision asked for; its bias is added later */
  product(x: Value, plus?: Value): Value
  /** W (out, in) in float32 */
  weight(): Value
  /** (out), or null */
  bias(): Value | null
}

/** Tokens before every text: their keys and values in each layer, or the embeddings that these are computed from. */
export type VirtualTokens = { readonly tokens: number; readonly on: Value | null } & (
  | {
      /** one a layer, (1, K, tokens, h) */
      readonly keys: readonly Value[]
      readonly values: readonly Value[]
    }
  | {
      /** (tokens, D) */
      readonly embeddings: Value
    }
)

/** What a method leaves alone is left out. */
export interface AdapterGraph {
  /** what stands in place of tensors of the base, by their names */
  readonly replaced?: ReadonlyMap<string, Value>
  /** a tensor of the base that is no linear layer's matrix, as the decoder sees it */
  weight?(name: string, value: Value): Value
  /** (N, out) = x·Wᵀ + plus with what the adapter makes of it */
  linear?(module: string, x: Value, frozen: FrozenLinear, plus?: Value): Value
  readonly virtual?: VirtualTokens
  readonly dropout?: DropoutPlan | null
}

export interface MethodGraphInput<M extends MethodName> {
  readonly g: Graph
  readonly model: BaseModel
  readonly layout: LayoutOf<M>
  /** the layout's tensors by name. @throws CoveyError E_ADAPTER when there is none */
  value(name: string): Value
  /** (L) the places that the last layer goes on with while a model is trained; null leaves dropout out, as scoring does */
  readonly trainedIndex: Value | null
  /** takes the products of what is trained, where gradients are wanted example by example; LoRA's method knows how */
  readonly apart?: Product[]
  /** a bool that is fed: false is the base alone; null when nobody asks for that, as in training */
  switchedOn(): Value | null
}

export type MethodGraph<M extends MethodName> = (input: MethodGraphInput<M>) => AdapterGraph
