/** A model as its files describe it. Shapes in comments: D hidden, H heads, K key/value heads, F feed-forward, V vocabulary. */

/** What `config.json` says, in Covey's words; one record for every decoder of the Llama shape. */
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
  readonly ropeTheta: number
  readonly maxPositions: number
  /** the head shares the embedding matrix */
  readonly tiedEmbeddings: boolean
  readonly bosId: number | null
  readonly eosIds: readonly number[]
  readonly padId: number | null
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
  /** float32 values, row-major. @throws CoveyError E_MODEL_SHAPE */
  tensor(name: string): Float32Array
}

/** The seven linear layers of a Llama block, by their last name. */
export const LINEAR_TARGETS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const
export type LinearTarget = (typeof LINEAR_TARGETS)[number]
