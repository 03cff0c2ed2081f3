/** A Llama shape small enough for a test, with every width different so that a swapped dimension shows. */
import { linearNames } from '../../src/adapter/layout.ts'
import type { LoraConfig } from '../../src/types/adapter.ts'
import type { ModelConfig } from '../../src/types/model.ts'

export const tinyConfig: ModelConfig = {
  architecture: 'LlamaForCausalLM',
  vocabSize: 40,
  hiddenSize: 12,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 4,
  ffnSize: 20,
  normEpsilon: 1e-5,
  ropeTheta: 10_000,
  maxPositions: 64,
  tiedEmbeddings: true,
  bosId: 1,
  eosIds: [2],
  padId: null,
}

export const tinyLora: LoraConfig = {
  rank: 3,
  alpha: 6,
  rsLora: false,
  dropout: 0,
  targets: linearNames(tinyConfig),
  seed: 7,
}
