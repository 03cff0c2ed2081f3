/**
 * Llama-shaped decoders: RMSNorm, rotary positions over the whole head, grouped-query attention, SwiGLU, no biases.
 * Fields as Hugging Face's `LlamaConfig`: https://huggingface.co/docs/transformers/model_doc/llama#transformers.LlamaConfig
 */
import { z } from 'zod'
import { CoveyError } from '../base/errors.ts'
import type { ModelConfig } from '../types/model.ts'
import type { Architecture } from './architecture.ts'

// Caps keep a hostile config.json from asking for more than any known small model has, long before memory is touched.
const MAX_WIDTH = 65_536
const MAX_LAYERS = 512
const MAX_VOCAB = 1_048_576
const MAX_POSITIONS = 16_777_216

const width = z.int().min(1).max(MAX_WIDTH)
const tokenId = z
  .int()
  .min(0)
  .max(MAX_VOCAB - 1)

const fields = z.object({
  vocab_size: z.int().min(1).max(MAX_VOCAB),
  hidden_size: width,
  num_hidden_layers: z.int().min(1).max(MAX_LAYERS),
  num_attention_heads: width,
  num_key_value_heads: width.nullish(),
  head_dim: width.nullish(),
  intermediate_size: width,
  hidden_act: z.string().default('silu'),
  rms_norm_eps: z.number().gt(0).lt(1).default(1e-6),
  rope_theta: z.number().gt(0).nullish(),
  // transformers 5 moved rope_theta in here
  rope_parameters: z
    .looseObject({ rope_theta: z.number().gt(0).optional(), rope_type: z.string().optional() })
    .nullish(),
  rope_scaling: z.unknown().optional(),
  partial_rotary_factor: z.number().nullish(),
  max_position_embeddings: z.int().min(1).max(MAX_POSITIONS).default(2048),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  bos_token_id: tokenId.nullish(),
  eos_token_id: z.union([tokenId, z.array(tokenId).max(64)]).nullish(),
  // some configs say -1 for "none"
  pad_token_id: z.int().min(-1).max(MAX_VOCAB).nullish(),
})

/** LlamaConfig's own default */
const DEFAULT_ROPE_THETA = 10_000

function readConfig(json: Readonly<Record<string, unknown>>): ModelConfig {
  const parsed = fields.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new CoveyError(
      'E_MODEL_FILE',
      `config.json: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`,
      {
        issues: parsed.error.issues,
      },
    )
  }
  const c = parsed.data
  const unsupported = (what: string): CoveyError =>
    new CoveyError('E_MODEL_ARCHITECTURE', `config.json: ${what}, which Covey's Llama graph does not have`, {})
  if (c.hidden_act !== 'silu') throw unsupported(`hidden_act is ${c.hidden_act}, not silu`)
  if (c.rope_scaling !== undefined && c.rope_scaling !== null) throw unsupported('rope_scaling is set')
  const ropeType = c.rope_parameters?.rope_type ?? 'default'
  if (ropeType !== 'default') throw unsupported(`rope_parameters.rope_type is ${ropeType}`)
  if ((c.partial_rotary_factor ?? 1) !== 1) throw unsupported(`partial_rotary_factor is ${c.partial_rotary_factor}`)
  if (c.attention_bias || c.mlp_bias) throw unsupported('attention_bias or mlp_bias is true')
  const kvHeads = c.num_key_value_heads ?? c.num_attention_heads
  if (c.num_attention_heads % kvHeads !== 0) {
    throw new CoveyError(
      'E_MODEL_FILE',
      `config.json: ${c.num_attention_heads} attention heads do not divide by ${kvHeads} key/value heads`,
    )
  }
  const headDim = c.head_dim ?? Math.floor(c.hidden_size / c.num_attention_heads)
  if (headDim % 2 !== 0 || headDim === 0) {
    throw new CoveyError(
      'E_MODEL_FILE',
      `config.json: the head dimension must be even for rotary positions, got ${headDim}`,
    )
  }
  const eos = c.eos_token_id ?? []
  const pad = c.pad_token_id ?? -1
  return {
    architecture: llama.name,
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    kvHeads,
    headDim,
    ffnSize: c.intermediate_size,
    normEpsilon: c.rms_norm_eps,
    ropeTheta: c.rope_parameters?.rope_theta ?? c.rope_theta ?? DEFAULT_ROPE_THETA,
    maxPositions: c.max_position_embeddings,
    tiedEmbeddings: c.tie_word_embeddings,
    bosId: c.bos_token_id ?? null,
    eosIds: typeof eos === 'number' ? [eos] : eos,
    padId: pad < 0 ? null : pad,
  }
}

function tensorShapes(c: ModelConfig): Map<string, readonly number[]> {
  const queries = c.heads * c.headDim
  const keys = c.kvHeads * c.headDim
  const shapes = new Map<string, readonly number[]>()
  shapes.set('model.embed_tokens.weight', [c.vocabSize, c.hiddenSize])
  for (let i = 0; i < c.layers; i++) {
    const layer = `model.layers.${i}`
    shapes.set(`${layer}.input_layernorm.weight`, [c.hiddenSize])
    shapes.set(`${layer}.self_attn.q_proj.weight`, [queries, c.hiddenSize])
    shapes.set(`${layer}.self_attn.k_proj.weight`, [keys, c.hiddenSize])
    shapes.set(`${layer}.self_attn.v_proj.weight`, [keys, c.hiddenSize])
    shapes.set(`${layer}.self_attn.o_proj.weight`, [c.hiddenSize, queries])
    shapes.set(`${layer}.post_attention_layernorm.weight`, [c.hiddenSize])
    shapes.set(`${layer}.mlp.gate_proj.weight`, [c.ffnSize, c.hiddenSize])
    shapes.set(`${layer}.mlp.up_proj.weight`, [c.ffnSize, c.hiddenSize])
    shapes.set(`${layer}.mlp.down_proj.weight`, [c.hiddenSize, c.ffnSize])
  }
  shapes.set('model.norm.weight', [c.hiddenSize])
  if (!c.tiedEmbeddings) shapes.set('lm_head.weight', [c.vocabSize, c.hiddenSize])
  return shapes
}

/** `LlamaForCausalLM`. */
export const llama: Architecture = {
  name: 'LlamaForCausalLM',
  readConfig,
  writeConfig: (c, dtype) => ({
    architectures: [llama.name],
    model_type: 'llama',
    vocab_size: c.vocabSize,
    hidden_size: c.hiddenSize,
    num_hidden_layers: c.layers,
    num_attention_heads: c.heads,
    num_key_value_heads: c.kvHeads,
    head_dim: c.headDim,
    intermediate_size: c.ffnSize,
    hidden_act: 'silu',
    rms_norm_eps: c.normEpsilon,
    rope_theta: c.ropeTheta,
    max_position_embeddings: c.maxPositions,
    tie_word_embeddings: c.tiedEmbeddings,
    attention_bias: false,
    mlp_bias: false,
    attention_dropout: 0,
    bos_token_id: c.bosId,
    eos_token_id: c.eosIds.length === 1 ? c.eosIds[0] : c.eosIds.length === 0 ? null : c.eosIds,
    pad_token_id: c.padId,
    torch_dtype: dtype === 'BF16' ? 'bfloat16' : 'float32',
    use_cache: true,
  }),
  tensorShapes,
  // old exports keep the rotary table; some keep a copy of a tied head
  ignores: (c, name) => name.endsWith('.rotary_emb.inv_freq') || (c.tiedEmbeddings && name === 'lm_head.weight'),
}
