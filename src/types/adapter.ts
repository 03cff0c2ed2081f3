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

/** One factor inside the flat vector, in PEFT's orientation: A (rank, in), B (out, rank). */
export interface AdapterEntry {
  /** PEFT's tensor name, `base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight` */
  readonly name: string
  /** the linear layer it belongs to, `model.layers.0.self_attn.q_proj` */
  readonly module: string
  readonly factor: LoraFactor
  readonly shape: readonly [rows: number, columns: number]
  /** first index in the flat vector */
  readonly offset: number
}

/** Where each factor lies in the flat vector of `size` float32 values; entries stand in ascending offset without gaps. */
export interface AdapterLayout {
  readonly lora: LoraConfig
  readonly entries: readonly AdapterEntry[]
  readonly size: number
}

/** All factors of one adapter. */
export interface Adapter {
  readonly layout: AdapterLayout
  /** (layout.size) */
  readonly values: Float32Array
}

export type DeltaEncoding = 'f32' | 'bf16' | 'int8'

/** A decoded delta: the change of the trained factors; factors that were not trained are zero. */
export interface Delta {
  readonly layout: AdapterLayout
  readonly factors: readonly LoraFactor[]
  /** (layout.size) */
  readonly values: Float32Array
}
