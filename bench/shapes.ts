/** What a step of the training benches works on: the shapes of known models, with random weights. */
import type { ModelConfig } from '../src/types/model.ts'

const llama = {
  architecture: 'LlamaForCausalLM',
  normEpsilon: 1e-5,
  maxPositions: 2048,
  tiedEmbeddings: true,
  bosId: null,
  eosIds: [0],
  padId: null,
} as const

export const SHAPES = {
  'SmolLM2-135M': {
    ...llama,
    vocabSize: 49_152,
    hiddenSize: 576,
    layers: 30,
    heads: 9,
    kvHeads: 3,
    headDim: 64,
    ffnSize: 1536,
    ropeTheta: 100_000,
  },
  'Qwen2.5-0.5B': {
    ...llama,
    vocabSize: 151_936,
    hiddenSize: 896,
    layers: 24,
    heads: 14,
    kvHeads: 2,
    headDim: 64,
    ffnSize: 4864,
    ropeTheta: 1_000_000,
  },
  'SmolLM2-1.7B': {
    ...llama,
    vocabSize: 49_152,
    hiddenSize: 2048,
    layers: 24,
    heads: 32,
    kvHeads: 32,
    headDim: 64,
    ffnSize: 8192,
    ropeTheta: 130_000,
  },
} as const satisfies Record<string, ModelConfig>
export type ShapeName = keyof typeof SHAPES

/** One step's work, as it goes to the peers. */
export interface StepWork extends ModelConfig {
  readonly rows: number
  readonly length: number
  readonly rank: number
  readonly alpha: number
}
