/**
 * Qwen3: a norm over each head of q and k instead of biases.
 * https://huggingface.co/docs/transformers/model_doc/qwen3#transformers.Qwen3Config
 */
import { decoderFamily } from './decoder.ts'
import { qwenWindow, writeQwenWindow } from './qwen2.ts'

export const qwen3 = decoderFamily({
  name: 'Qwen3ForCausalLM',
  modelType: 'qwen3',
  defaults: { sliding_window: 4096, max_position_embeddings: 32_768, head_dim: 128 },
  features: (json, base) => ({ qkNorm: true, ...qwenWindow(json, base) }),
  write: writeQwenWindow,
})
