/**
 * Granite 3: Llama's shape with four multipliers.
 * https://huggingface.co/docs/transformers/model_doc/granite#transformers.GraniteConfig
 */
import { z } from 'zod'
import { decoderFamily } from './decoder.ts'
import { factor, parseFields, tidy } from './fields.ts'

const fields = z.object({
  embedding_multiplier: factor.default(1),
  attention_multiplier: factor.default(1),
  residual_multiplier: factor.default(1),
  logits_scaling: factor.default(1),
})

export const granite = decoderFamily({
  name: 'GraniteForCausalLM',
  modelType: 'granite',
  features(json) {
    const c = parseFields(fields, json)
    return {
      embeddingScale: c.embedding_multiplier,
      attentionScale: c.attention_multiplier,
      residualScale: c.residual_multiplier,
      logitScale: 1 / c.logits_scaling,
    }
  },
  write: (c) => ({
    embedding_multiplier: c.embeddingScale ?? 1,
    attention_multiplier: c.attentionScale ?? 1 / Math.sqrt(c.headDim),
    residual_multiplier: c.residualScale ?? 1,
    logits_scaling: tidy(1 / (c.logitScale ?? 1)),
  }),
})
