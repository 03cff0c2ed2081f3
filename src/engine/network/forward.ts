/** From tokens to what the output matrix reads, for every family; and which tensors stand at the two ends. */
import type { ModelConfig } from '../../types/model.ts'
import type { Graph } from '../graph/graph.ts'
import type { DecoderInputs, DecoderOutputs, DecoderWeights } from './attention.ts'
import { EMBEDDING, HEAD, llamaDecoder } from './llama.ts'
import { plainTransformer } from './plain.ts'

export function forward(g: Graph, config: ModelConfig, weights: DecoderWeights, inputs: DecoderInputs): DecoderOutputs {
  return config.plain ? plainTransformer(g, config, weights, inputs) : llamaDecoder(g, config, weights, inputs)
}

/** The (V, D) table that token numbers are looked up in. */
export function embeddingName({ plain }: ModelConfig): string {
  return plain?.names.embedding ?? EMBEDDING
}

/** The (V, D) matrix that makes logits. */
export function headName(config: ModelConfig): string {
  return config.tiedEmbeddings ? embeddingName(config) : (config.plain?.head?.output ?? HEAD)
}
