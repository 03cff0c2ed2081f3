import type { Activation } from './model.ts'

/** LoRA (Hu et al. 2021, arXiv:2106.09685): y = xWᵀ + s·(xAᵀ)Bᵀ, s = alpha/rank, or alpha/√rank for rsLoRA. */
export interface LoraConfig {
  readonly rank: number
  readonly alpha: number
  readonly rsLora: boolean
  readonly dropout: number
  /** linear layers by their last name, `q_proj`; which there are is the model's to say */
  readonly targets: readonly string[]
  /** A is drawn from this; every peer draws the same */
  readonly seed: number
}

export type LoraFactor = 'A' | 'B'

/** (IA)³ (Liu et al. 2022, arXiv:2205.05638): a linear layer's output is multiplied number by number with a learned vector. */
export interface Ia3Config {
  /** linear layers by their last name */
  readonly targets: readonly string[]
  /** those among them whose input is multiplied instead of their output */
  readonly feedforward: readonly string[]
}

/**
 * Bottleneck adapters: h + f(h·downᵀ + b)·upᵀ + b behind a part of each block. `houlsby` (Houlsby et al. 2019,
 * arXiv:1902.00751) has one behind attention and one behind the feed-forward, `pfeiffer` (Pfeiffer et al. 2021,
 * arXiv:2005.00247) behind the feed-forward only.
 */
export interface BottleneckConfig {
  readonly placement: 'houlsby' | 'pfeiffer'
  readonly width: number
  readonly activation: Activation
  /** `down` is drawn from this */
  readonly seed: number
}

/** Tokens that are learnt instead of read: keys and values of each layer (prefix), or embeddings (prompt). */
export interface VirtualTokensConfig {
  readonly tokens: number
  readonly seed: number
}

/** Which weights of the base get a change of their own. */
export interface SelectiveConfig {
  /** modules by their last name: q_proj, input_layernorm, embed_tokens; empty: all */
  readonly modules: readonly string[]
  /** numbers of the layers; empty: all, and what stands outside of layers */
  readonly layers: readonly number[]
}

/**
 * What is trained and how, one kind a method; rsLoRA is LoRA's `rsLora`, frozen A is LoRA with factor B alone.
 * `dora`: Liu et al. 2024 (arXiv:2402.09353). `prefix`: Li and Liang 2021 (arXiv:2101.00190). `prompt`: Lester et al. 2021
 * (arXiv:2104.08691). `full`: every weight gets a change of its own.
 */
export type MethodSettings =
  | { readonly method: 'lora'; readonly lora: LoraConfig }
  | { readonly method: 'dora'; readonly lora: LoraConfig }
  | { readonly method: 'ia3'; readonly ia3: Ia3Config }
  | { readonly method: 'bottleneck'; readonly bottleneck: BottleneckConfig }
  | { readonly method: 'prefix'; readonly virtual: VirtualTokensConfig }
  | { readonly method: 'prompt'; readonly virtual: VirtualTokensConfig }
  | { readonly method: 'selective'; readonly selective: SelectiveConfig }
  | { readonly method: 'full' }

export type MethodName = MethodSettings['method']
export type SettingsOf<M extends MethodName> = Extract<MethodSettings, { readonly method: M }>

/** One tensor inside the flat vector. */
export interface AdapterEntry {
  /** its name in a file, PEFT's where PEFT has the method */
  readonly name: string
  /** the linear layer or the weight that it changes; empty for what changes none (virtual tokens) */
  readonly module: string
  readonly shape: readonly number[]
  /** first index in the flat vector */
  readonly offset: number
}

/** One factor of LoRA, in PEFT's orientation: A (rank, in), B (out, rank). */
export interface LoraEntry extends AdapterEntry {
  /** PEFT's tensor name, `base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight` */
  readonly name: string
  /** `model.layers.0.self_attn.q_proj` */
  readonly module: string
  readonly factor: LoraFactor
  readonly shape: readonly [rows: number, columns: number]
}

interface Lies<Entry extends AdapterEntry> {
  readonly entries: readonly Entry[]
  readonly size: number
}

/**
 * Where each tensor that a method trains lies in the flat vector of `size` float32 values; entries stand in ascending
 * offset without gaps.
 */
export type LayoutOf<M extends MethodName> = SettingsOf<M> & Lies<M extends 'lora' ? LoraEntry : AdapterEntry>

/** Of LoRA: what a network's rounds move. */
export type LoraLayout = LayoutOf<'lora'>

export type AdapterLayout = { [M in MethodName]: LayoutOf<M> }[MethodName]

/** All that one method has trained. */
export interface Adapter<L extends AdapterLayout = AdapterLayout> {
  readonly layout: L
  /** (layout.size) */
  readonly values: Float32Array
}

/**
 * How a delta's values become bytes; `topk-N` sends the Nth part of them, `rank-N` N directions of each tensor, `klt-N` what fits
 * into the Nth part of the bytes. See src/adapter/encodings.
 */
export type DeltaEncoding =
  | 'f32'
  | 'bf16'
  | 'int8'
  | 'int8-zstd'
  | 'int4'
  | 'sign'
  | `topk-${number}`
  | `rank-${number}`
  | `klt-${number}`

/** A decoded delta: the change of the trained factors; factors that were not trained are zero. */
export interface Delta {
  readonly layout: LoraLayout
  readonly factors: readonly LoraFactor[]
  /** how many of the rank's directions were trained, from the first; left out: all. The others are zero */
  readonly directions?: number
  /** (layout.size) */
  readonly values: Float32Array
}
