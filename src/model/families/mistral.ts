/**
 * Mistral 7B, Nemo, Small: Llama's shape, in earlier versions with a sliding window in every layer.
 * https://huggingface.co/docs/transformers/model_doc/mistral#transformers.MistralConfig
 */
import { decoderFamily } from './decoder.ts'
import { readWindow } from './window.ts'

export const mistral = decoderFamily({
  name: 'MistralForCausalLM',
  modelType: 'mistral',
  // a config.json without the field means 4096, one with null none
  defaults: { sliding_window: 4096, num_key_value_heads: 8, max_position_embeddings: 131_072 },
  features(json, base) {
    const window = readWindow(json, base.layers, () => true)
    return window ? { window } : {}
  },
  write: (c) => ({ sliding_window: c.window?.size ?? null }),
})
