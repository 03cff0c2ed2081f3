/** A model as its files describe it. Shapes in comments: D hidden, H heads, K key/value heads, F feed-forward, V vocabulary. */

/**
 * What `config.json` says, in Covey's words; one record for every family. A feature that is left out is Llama's: RMSNorm
 * before each part, rotary positions over the whole head, SiLU-gated feed-forward, no biases, every earlier token seen.
 */
export interface ModelConfig {
  /** Hugging Face's class name, `LlamaForCausalLM` */
  readonly architecture: string
  readonly vocabSize: number // V
  readonly hiddenSize: number // D
  readonly layers: number
  readonly heads: number // H
  readonly kvHeads: number // K
  readonly headDim: number
  readonly ffnSize: number // F
  readonly normEpsilon: number
  /** 0 where positions are learned */
  readonly ropeTheta: number
  readonly maxPositions: number
  /** the head shares the embedding matrix */
  readonly tiedEmbeddings: boolean
  readonly bosId: number | null
  readonly eosIds: readonly number[]
  readonly padId: number | null

  /** linear layers, by their last name, that have a bias */
  readonly biases?: readonly string[]
  /** q, k and v are one layer, gate and up another (Phi) */
  readonly fusedProjections?: boolean
  /** RMSNorm over each head of q and k, before they are rotated */
  readonly qkNorm?: boolean
  /** added to a norm's weight (Gemma: 1) */
  readonly normOffset?: number
  /** norms behind attention and feed-forward too, before they are added to the residual stream (Gemma) */
  readonly postNorms?: boolean
  readonly activation?: Activation
  /** what q·k is multiplied with; 1/√headDim */
  readonly attentionScale?: number
  /** scores become cap·tanh(score/cap) */
  readonly attentionSoftcap?: number
  /** logits become cap·tanh(logit/cap) */
  readonly logitSoftcap?: number
  readonly embeddingScale?: number
  /** attention and feed-forward are multiplied with this before they are added */
  readonly residualScale?: number
  readonly logitScale?: number
  readonly rope?: RopeFeatures
  readonly window?: SlidingWindow
  /** a block of the older kind instead: see `PlainFeatures` */
  readonly plain?: PlainFeatures
  /** Llama's (`LLAMA_LINEARS`) when left out */
  readonly linears?: readonly LinearLayer[]
}

/** `gelu` is exact (erf), `gelu-tanh` its approximation (Hendrycks and Gimpel 2016, arXiv:1606.08415). */
export type Activation = 'silu' | 'gelu' | 'gelu-tanh' | 'relu'

export interface RopeFeatures {
  /** dimensions of a head that are rotated, the first ones; headDim */
  readonly dim?: number
  readonly scaling?: RopeScaling
}

/** How frequencies are stretched for a longer context. Hugging Face's `rope_scaling`, of these kinds. */
export type RopeScaling =
  | { readonly kind: 'linear'; readonly factor: number }
  | {
      readonly kind: 'llama3'
      readonly factor: number
      readonly lowFrequencyFactor: number
      readonly highFrequencyFactor: number
      readonly originalPositions: number
    }
  | {
      readonly kind: 'yarn'
      readonly factor: number
      readonly originalPositions: number
      readonly betaFast: number
      readonly betaSlow: number
      /** cos and sin are multiplied with it */
      readonly magnitude: number
    }
  | {
      readonly kind: 'longrope'
      /** (dim/2) each: a frequency is divided by its factor */
      readonly shortFactors: readonly number[]
      readonly longFactors: readonly number[]
      readonly originalPositions: number
      /** what config.json names as the longest context; `ModelConfig.maxPositions` is what the short factors serve */
      readonly longPositions: number
      readonly magnitude: number
    }

/** In the layers named a token sees itself and the `size`−1 before it, no more. */
export interface SlidingWindow {
  readonly size: number
  /** one a layer: true where the window holds */
  readonly layers: readonly boolean[]
  /** base of the rotation in those layers, without scaling; as everywhere when left out */
  readonly ropeTheta?: number
}

/**
 * A block as it was before Llama: LayerNorm, biases on every layer, learned positions, a feed-forward without gate. OPT
 * and DistilBERT differ in where the norms stand, in what is seen, and in names.
 */
export interface PlainFeatures {
  readonly names: PlainNames
  /** norms stand behind each part, on the sum (DistilBERT, OPT-350m), or before it */
  readonly postNorm: boolean
  /** false: a token sees the whole example; such a model does not generate */
  readonly causal: boolean
  /** row of the first position in the table (OPT: 2) */
  readonly positionOffset: number
  /** width of an embedding where a matrix leads from and to the hidden width (OPT-350m) */
  readonly embeddingSize?: number
  /** names of a sequence classifier's classes; it answers at an example's first token */
  readonly classes?: readonly string[]
  readonly head?: PlainHead
}

/** Tensors and modules by role; those of a layer stand for `*`, the layer's number. */
export interface PlainNames {
  readonly embedding: string
  readonly positions: string
  readonly embeddingNorm: string | null
  readonly projectIn: string | null
  readonly projectOut: string | null
  readonly query: string
  readonly key: string
  readonly value: string
  readonly out: string
  readonly up: string
  readonly down: string
  readonly attentionNorm: string
  readonly ffnNorm: string
  readonly finalNorm: string | null
}

/** What stands between the last layer and the output matrix of an encoder, and that matrix. */
export interface PlainHead {
  /** a linear layer with bias */
  readonly transform: string
  readonly activation: Activation
  readonly norm: string | null
  /** the output matrix, unless it is the embedding's */
  readonly output: string
  readonly bias: string
}

/** A width in terms of the config: D, H·headDim, K·headDim, F, or what a fused layer gives. */
export type Width = 'hidden' | 'queries' | 'keys' | 'ffn' | 'queriesKeysValues' | 'gateUp' | 'embedding'

/** A linear layer that an adapter may change. */
export interface LinearLayer {
  /**
   * Hugging Face's module; `*` is the layer's number, a module without it stands once, behind all layers. Its last name is
   * what a spec's `targets` says.
   */
  readonly module: string
  readonly outputs: Width
  readonly inputs: Width
}

/** Llama's, in the order of an adapter's layout. */
export const LLAMA_LINEARS: readonly LinearLayer[] = [
  { module: 'model.layers.*.self_attn.q_proj', outputs: 'queries', inputs: 'hidden' },
  { module: 'model.layers.*.self_attn.k_proj', outputs: 'keys', inputs: 'hidden' },
  { module: 'model.layers.*.self_attn.v_proj', outputs: 'keys', inputs: 'hidden' },
  { module: 'model.layers.*.self_attn.o_proj', outputs: 'hidden', inputs: 'queries' },
  { module: 'model.layers.*.mlp.gate_proj', outputs: 'ffn', inputs: 'hidden' },
  { module: 'model.layers.*.mlp.up_proj', outputs: 'ffn', inputs: 'hidden' },
  { module: 'model.layers.*.mlp.down_proj', outputs: 'hidden', inputs: 'ffn' },
]

/**
 * A matrix (out, in) that its file holds as codes and scales: entry (o, i) is (code − middle)·scale of its group, where the
 * middle is half the codes' range: 128 in 8 bits, 8 in 4.
 */
export interface RoundedWeight {
  readonly bits: 8 | 4
  /** inputs of an output that share a scale; it divides them, and is all of them where an output has one scale */
  readonly group: number
  /** Read now, not kept. 8 bits: (out, in). 4 bits: (out, in/2), two codes a byte, the lower half first. @throws CoveyError E_MODEL_FILE */
  codes(): Uint8Array
  /** (out, in/group), finite and above 0. Read now, not kept. @throws CoveyError E_MODEL_FILE */
  scales(): Float32Array
}

/** The frozen weights of one model. Names are Hugging Face's (`model.layers.0.self_attn.q_proj.weight`), linear weights (out, in). */
export interface BaseModel {
  readonly config: ModelConfig
  /** sha256 over the weight files: what a task's spec names */
  readonly digest: string
  /** last folder name, for people */
  readonly name: string
  readonly dir: string | null
  readonly tensorNames: readonly string[]
  shape(name: string): readonly number[]
  /** float32 values, row-major; of a quantized matrix those that its codes stand for. @throws CoveyError E_MODEL_SHAPE */
  tensor(name: string): Float32Array
  /** Codes and scales as the file has them, so that nobody rounds again; null for what is not quantized. @throws CoveyError E_MODEL_SHAPE */
  rounded?(name: string): RoundedWeight | null
}
