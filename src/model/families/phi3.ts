/**
 * Phi-3, Phi-3.5-mini, Phi-4-mini: q, k and v are one matrix, gate and up another; part of a head may be rotated; LongRoPE.
 * https://huggingface.co/docs/transformers/model_doc/phi3#transformers.Phi3Config
 *
 * LongRoPE has factors for contexts up to `original_max_position_embeddings` and others for longer ones, and a text that
 * grows past that number would have to be computed anew. Covey takes the first and keeps to that context.
 */
import { decoderFamily, FUSED_LINEARS } from './decoder.ts'
import type { Json } from './fields.ts'
import { readWindow } from './window.ts'

/** Early configs call LongRoPE `su` or `yarn`; transformers reads them so for this family. */
const OLD_NAMES: readonly unknown[] = ['su', 'yarn']

function renamed(scaling: unknown): unknown {
  if (scaling === null || typeof scaling !== 'object') return scaling
  const { type, rope_type, ...rest } = scaling as Record<string, unknown>
  const kind = rope_type ?? type
  return { ...rest, rope_type: OLD_NAMES.includes(kind) ? 'longrope' : kind }
}

const family = decoderFamily({
  name: 'Phi3ForCausalLM',
  modelType: 'phi3',
  defaults: { max_position_embeddings: 4096, original_max_position_embeddings: 4096, rms_norm_eps: 1e-5 },
  features(json, base) {
    const window = readWindow(json, base.layers, () => true)
    return { fusedProjections: true, linears: FUSED_LINEARS, ...(window ? { window } : {}) }
  },
  write: (c) => ({ sliding_window: c.window?.size ?? null }),
})

export const phi3 = {
  ...family,
  readConfig: (json: Json) => family.readConfig({ ...json, rope_scaling: renamed(json.rope_scaling) }),
}
