/**
 * What the decoders of Llama's shape share: fields of config.json, tensors. A family says how it differs.
 * Fields as Hugging Face's `LlamaConfig`: https://huggingface.co/docs/transformers/model_doc/llama#transformers.LlamaConfig
 */
import { z } from 'zod'
import type { LinearLayer, ModelConfig } from '../../types/model.ts'
import type { Architecture, WeightDtype } from './architecture.ts'
import {
  checkHeads,
  configError,
  epsilon,
  type Json,
  layerCount,
  parseFields,
  readActivation,
  readTokens,
  specialTokens,
  vocabSize,
  width,
  writeActivation,
  writeTokens,
} from './fields.ts'
import { readRope, writeRope } from './rope.ts'

const fields = z.object({
  vocab_size: vocabSize,
  hidden_size: width,
  num_hidden_layers: layerCount,
  num_attention_heads: width,
  num_key_value_heads: width.nullish(),
  head_dim: width.nullish(),
  intermediate_size: width,
  hidden_act: z.string().default('silu'),
  rms_norm_eps: epsilon.default(1e-6),
  max_position_embeddings: z.int().min(1).max(16_777_216).default(2048),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().default(false),
  mlp_bias: z.boolean().default(false),
  ...specialTokens,
})

const ATTENTION = ['q_proj', 'k_proj', 'v_proj', 'o_proj']
const FEED_FORWARD = ['gate_proj', 'up_proj', 'down_proj']

export interface DecoderFamily {
  /** Hugging Face's class name */
  readonly name: string
  readonly modelType: string
  /** what the family's config class takes for a field that config.json leaves out, where that is not Llama's */
  readonly defaults?: Json
  /** what is not Llama's; `json` has the defaults filled in. @throws CoveyError E_MODEL_FILE | E_MODEL_ARCHITECTURE */
  features?(json: Json, base: ModelConfig): Partial<ModelConfig>
  /** fields beyond Llama's, the inverse of `features` */
  write?(config: ModelConfig): Record<string, unknown>
}

/** A family of Llama's shape. */
export function decoderFamily(family: DecoderFamily): Architecture {
  return {
    name: family.name,
    readConfig(json) {
      const full = { ...family.defaults, ...json }
      const base = readBase(family.name, full)
      return { ...base, ...family.features?.(full, base) }
    },
    writeConfig: (c, dtype) => ({ ...writeBase(family, c, dtype), ...family.write?.(c) }),
    tensorShapes: decoderShapes,
    // old exports keep the rotary table; some keep a copy of a tied head
    ignores: (c, name) => name.endsWith('.rotary_emb.inv_freq') || (c.tiedEmbeddings && name === 'lm_head.weight'),
  }
}

function readBase(architecture: string, json: Json): ModelConfig {
  const c = parseFields(fields, json)
  const kvHeads = c.num_key_value_heads ?? c.num_attention_heads
  checkHeads(c.num_attention_heads, kvHeads)
  const headDim = c.head_dim ?? Math.floor(c.hidden_size / c.num_attention_heads)
  if (headDim === 0) throw configError(`${c.num_attention_heads} attention heads in a width of ${c.hidden_size}`)
  const activation = readActivation('hidden_act', c.hidden_act)
  const biases = [...(c.attention_bias ? ATTENTION : []), ...(c.mlp_bias ? FEED_FORWARD : [])]
  return {
    architecture,
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    kvHeads,
    headDim,
    ffnSize: c.intermediate_size,
    normEpsilon: c.rms_norm_eps,
    ...readRope(json, headDim, c.max_position_embeddings),
    tiedEmbeddings: c.tie_word_embeddings,
    ...readTokens(c),
    ...(biases.length > 0 ? { biases } : {}),
    ...(activation === 'silu' ? {} : { activation }),
  }
}

function writeBase(family: DecoderFamily, c: ModelConfig, dtype: WeightDtype): Record<string, unknown> {
  return {
    architectures: [family.name],
    model_type: family.modelType,
    vocab_size: c.vocabSize,
    hidden_size: c.hiddenSize,
    num_hidden_layers: c.layers,
    num_attention_heads: c.heads,
    num_key_value_heads: c.kvHeads,
    head_dim: c.headDim,
    intermediate_size: c.ffnSize,
    hidden_act: writeActivation(c.activation ?? 'silu'),
    rms_norm_eps: c.normEpsilon,
    ...writeRope(c),
    tie_word_embeddings: c.tiedEmbeddings,
    attention_bias: hasBias(c, 'o_proj'),
    mlp_bias: hasBias(c, 'down_proj'),
    attention_dropout: 0,
    ...writeTokens(c),
    torch_dtype: dtype === 'BF16' ? 'bfloat16' : 'float32',
    use_cache: true,
  }
}

const hasBias = (c: ModelConfig, layer: string): boolean => c.biases?.includes(layer) ?? false

/** Every tensor of a decoder of Llama's shape, in the order of its parameters. */
function decoderShapes(c: ModelConfig): Map<string, readonly number[]> {
  const queries = c.heads * c.headDim
  const keys = c.kvHeads * c.headDim
  const D = c.hiddenSize
  const shapes = new Map<string, readonly number[]>()
  const linear = (module: string, outputs: number, inputs: number): void => {
    shapes.set(`${module}.weight`, [outputs, inputs])
    if (hasBias(c, module.slice(module.lastIndexOf('.') + 1))) shapes.set(`${module}.bias`, [outputs])
  }
  shapes.set('model.embed_tokens.weight', [c.vocabSize, D])
  for (let i = 0; i < c.layers; i++) {
    const layer = `model.layers.${i}`
    shapes.set(`${layer}.input_layernorm.weight`, [D])
    if (c.fusedProjections) linear(`${layer}.self_attn.qkv_proj`, queries + 2 * keys, D)
    else {
      linear(`${layer}.self_attn.q_proj`, queries, D)
      linear(`${layer}.self_attn.k_proj`, keys, D)
      linear(`${layer}.self_attn.v_proj`, keys, D)
    }
    linear(`${layer}.self_attn.o_proj`, D, queries)
    if (c.qkNorm) {
      shapes.set(`${layer}.self_attn.q_norm.weight`, [c.headDim])
      shapes.set(`${layer}.self_attn.k_norm.weight`, [c.headDim])
    }
    shapes.set(`${layer}.post_attention_layernorm.weight`, [D])
    if (c.postNorms) {
      shapes.set(`${layer}.pre_feedforward_layernorm.weight`, [D])
      shapes.set(`${layer}.post_feedforward_layernorm.weight`, [D])
    }
    if (c.fusedProjections) linear(`${layer}.mlp.gate_up_proj`, 2 * c.ffnSize, D)
    else {
      linear(`${layer}.mlp.gate_proj`, c.ffnSize, D)
      linear(`${layer}.mlp.up_proj`, c.ffnSize, D)
    }
    linear(`${layer}.mlp.down_proj`, D, c.ffnSize)
  }
  shapes.set('model.norm.weight', [D])
  if (!c.tiedEmbeddings) shapes.set('lm_head.weight', [c.vocabSize, D])
  return shapes
}

/** The linear layers of a family whose projections are fused. */
export const FUSED_LINEARS: readonly LinearLayer[] = [
  { module: 'model.layers.*.self_attn.qkv_proj', outputs: 'queriesKeysValues', inputs: 'hidden' },
  { module: 'model.layers.*.self_attn.o_proj', outputs: 'hidden', inputs: 'queries' },
  { module: 'model.layers.*.mlp.gate_up_proj', outputs: 'gateUp', inputs: 'hidden' },
  { module: 'model.layers.*.mlp.down_proj', outputs: 'hidden', inputs: 'ffn' },
]
