/**
 * Gemma 3, text (Gemma Team 2025, arXiv:2503.19786): norms of 1 + w before and behind each part, norms over the heads of q
 * and k, embeddings times √D, five layers with a sliding window and rotations of their own to one without.
 * https://huggingface.co/docs/transformers/model_doc/gemma3#transformers.Gemma3TextConfig
 */
import { z } from 'zod'
import type { ModelConfig, SlidingWindow } from '../../types/model.ts'
import { decoderFamily } from './decoder.ts'
import { factor, type Json, parseFields, readActivation, tidy, unsupported, writeActivation } from './fields.ts'
import { readRope } from './rope.ts'
import { layerTypes, readWindow } from './window.ts'

/** `rope_local_base_freq` and `sliding_window_pattern` where config.json does not say */
const DEFAULT_LOCAL_THETA = 10_000
const DEFAULT_PATTERN = 6

const fields = z.object({
  hidden_activation: z.string().nullish(),
  query_pre_attn_scalar: factor.default(256),
  attn_logit_softcapping: factor.nullish(),
  final_logit_softcapping: factor.nullish(),
  rope_local_base_freq: z.number().gt(0).max(1e12).nullish(),
  // transformers' name moved behind an underscore
  sliding_window_pattern: z.int().min(1).max(512).nullish(),
  _sliding_window_pattern: z.int().min(1).max(512).nullish(),
  use_bidirectional_attention: z.boolean().nullish(),
  // transformers 5: one entry for each kind of layer
  rope_parameters: z
    .looseObject({
      full_attention: z.record(z.string(), z.unknown()).nullish(),
      sliding_attention: z.record(z.string(), z.unknown()).nullish(),
    })
    .nullish(),
})

function features(json: Json, base: ModelConfig): Partial<ModelConfig> {
  const c = parseFields(fields, json)
  if (c.use_bidirectional_attention) throw unsupported('use_bidirectional_attention is true')
  const pattern = c.sliding_window_pattern ?? c._sliding_window_pattern ?? DEFAULT_PATTERN
  const window = readWindow(json, base.layers, (i) => (i + 1) % pattern !== 0)
  const byKind = c.rope_parameters?.full_attention ? c.rope_parameters : null
  const global = byKind
    ? readRope({ rope_parameters: byKind.full_attention }, base.headDim, base.maxPositions)
    : { ropeTheta: base.ropeTheta }
  const local = byKind?.sliding_attention
    ? readRope({ rope_parameters: byKind.sliding_attention }, base.headDim, base.maxPositions)
    : { ropeTheta: c.rope_local_base_freq ?? DEFAULT_LOCAL_THETA }
  if ('rope' in local) throw unsupported('the rotation of the layers with a window is scaled')
  const withRope: SlidingWindow | null = window && { ...window, ropeTheta: local.ropeTheta }
  return {
    ...global,
    activation: readActivation('hidden_activation', c.hidden_activation ?? 'gelu_pytorch_tanh'),
    normOffset: 1,
    postNorms: true,
    qkNorm: true,
    embeddingScale: Math.sqrt(base.hiddenSize),
    attentionScale: 1 / Math.sqrt(c.query_pre_attn_scalar),
    ...(c.attn_logit_softcapping == null ? {} : { attentionSoftcap: c.attn_logit_softcapping }),
    ...(c.final_logit_softcapping == null ? {} : { logitSoftcap: c.final_logit_softcapping }),
    ...(withRope ? { window: withRope } : {}),
  }
}

export const gemma3 = decoderFamily({
  name: 'Gemma3ForCausalLM',
  modelType: 'gemma3_text',
  defaults: {
    head_dim: 256,
    num_key_value_heads: 4,
    rope_theta: 1_000_000,
    sliding_window: 4096,
    max_position_embeddings: 131_072,
    tie_word_embeddings: true,
    bos_token_id: 2,
    eos_token_id: 1,
    pad_token_id: 0,
  },
  features,
  write: (c) => ({
    hidden_activation: writeActivation(c.activation ?? 'gelu-tanh'),
    query_pre_attn_scalar: tidy((c.attentionScale ?? 1 / Math.sqrt(c.headDim)) ** -2),
    attn_logit_softcapping: c.attentionSoftcap ?? null,
    final_logit_softcapping: c.logitSoftcap ?? null,
    rope_local_base_freq: c.window?.ropeTheta ?? DEFAULT_LOCAL_THETA,
    sliding_window: c.window?.size ?? null,
    layer_types: layerTypes(c.window?.layers ?? Array(c.layers).fill(false)),
  }),
})
