/** What prefix and prompt tuning have in common: so many tokens that stand before every text, kept as one matrix. */
import { z } from 'zod'
import type { VirtualTokensConfig } from '../../types/adapter.ts'
import type { ModelConfig } from '../../types/model.ts'
import { checkInteger, refuse } from '../checks.ts'
import { absent } from '../peft-fields.ts'

/** PEFT's name of the matrix. */
export const EMBEDDINGS = 'prompt_embeddings'
/** Room that is left for text, tokens. */
const LEAST_TEXT = 2

/** @throws CoveyError E_ADAPTER */
export function checkVirtual({ tokens, seed }: VirtualTokensConfig, model: ModelConfig): void {
  checkInteger('tokens', tokens, 1, model.maxPositions - LEAST_TEXT)
  checkInteger('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  if (model.plain?.causal === false)
    refuse('method', 'one that an encoder knows (virtual tokens stand before what a decoder reads)', model.architecture)
}

/** adapter_config.json of a causal language model; `num_layers`, `token_dim` and so on are the model's to know. */
export const virtualConfig = z.object({
  num_virtual_tokens: z.int().min(1),
  num_transformer_submodules: z.literal(1).nullish(),
  prefix_projection: z.literal(false).default(false),
  modules_to_save: absent,
})
