/**
 * Qwen2 and Qwen2.5: biases on q, k and v; a sliding window in the upper layers where config.json switches it on.
 * https://huggingface.co/docs/transformers/model_doc/qwen2#transformers.Qwen2Config
 */
import { z } from 'zod'
import type { ModelConfig } from '../../types/model.ts'
import { decoderFamily } from './decoder.ts'
import { type Json, parseFields } from './fields.ts'
import { layerTypes, readWindow } from './window.ts'

const fields = z.object({
  use_sliding_window: z.boolean().default(false),
  max_window_layers: z.int().min(0).default(28),
})

/** The window of Qwen2 and Qwen3. */
export function qwenWindow(json: Json, base: ModelConfig): Pick<ModelConfig, 'window'> {
  const c = parseFields(fields, json)
  if (!c.use_sliding_window) return {}
  const window = readWindow(json, base.layers, (i) => i >= c.max_window_layers)
  return window ? { window } : {}
}

export function writeQwenWindow({ window, layers }: ModelConfig): Record<string, unknown> {
  return {
    use_sliding_window: window !== undefined,
    sliding_window: window?.size ?? null,
    layer_types: layerTypes(window?.layers ?? Array(layers).fill(false)),
  }
}

export const qwen2 = decoderFamily({
  name: 'Qwen2ForCausalLM',
  modelType: 'qwen2',
  defaults: { sliding_window: 4096, max_position_embeddings: 32_768 },
  features: (json, base) => ({ biases: ['q_proj', 'k_proj', 'v_proj'], ...qwenWindow(json, base) }),
  write: writeQwenWindow,
})
