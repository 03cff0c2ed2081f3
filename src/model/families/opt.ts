/**
 * OPT (Zhang et al. 2022, arXiv:2205.01068). Fields as Hugging Face's `OPTConfig`:
 * https://huggingface.co/docs/transformers/model_doc/opt#transformers.OPTConfig
 */
import { z } from 'zod'
import type { LinearLayer, ModelConfig, PlainNames } from '../../types/model.ts'
import type { Architecture } from './architecture.ts'
import {
  configError,
  type Json,
  layerCount,
  parseFields,
  positionCount,
  readActivation,
  readTokens,
  specialTokens,
  unsupported,
  vocabSize,
  width,
  writeActivation,
  writeTokens,
} from './fields.ts'
import { plainLinears, plainShapes } from './plain.ts'

/** PyTorch's LayerNorm, which OPT does not change */
const NORM_EPSILON = 1e-5
/** fairseq's table begins with two rows that no position uses */
const POSITION_OFFSET = 2

const fields = z.object({
  vocab_size: vocabSize,
  hidden_size: width,
  num_hidden_layers: layerCount,
  num_attention_heads: width,
  ffn_dim: width,
  max_position_embeddings: positionCount.default(2048),
  word_embed_proj_dim: width.nullish(),
  do_layer_norm_before: z.boolean().default(true),
  _remove_final_layer_norm: z.boolean().default(false),
  activation_function: z.string().default('relu'),
  tie_word_embeddings: z.boolean().default(true),
  enable_bias: z.boolean().default(true),
  layer_norm_elementwise_affine: z.boolean().default(true),
  ...specialTokens,
})

const DEFAULTS = { bos_token_id: 2, eos_token_id: 2, pad_token_id: 1 }
const DECODER = 'model.decoder'

function namesOf(projected: boolean, finalNorm: boolean): PlainNames {
  const layer = `${DECODER}.layers.*`
  return {
    embedding: `${DECODER}.embed_tokens.weight`,
    positions: `${DECODER}.embed_positions.weight`,
    embeddingNorm: null,
    projectIn: projected ? `${DECODER}.project_in` : null,
    projectOut: projected ? `${DECODER}.project_out` : null,
    query: `${layer}.self_attn.q_proj`,
    key: `${layer}.self_attn.k_proj`,
    value: `${layer}.self_attn.v_proj`,
    out: `${layer}.self_attn.out_proj`,
    up: `${layer}.fc1`,
    down: `${layer}.fc2`,
    attentionNorm: `${layer}.self_attn_layer_norm`,
    ffnNorm: `${layer}.final_layer_norm`,
    finalNorm: finalNorm ? `${DECODER}.final_layer_norm` : null,
  }
}

function readConfig(json: Json): ModelConfig {
  const c = parseFields(fields, { ...DEFAULTS, ...json })
  if (!c.enable_bias) throw unsupported('enable_bias is false')
  if (!c.layer_norm_elementwise_affine) throw unsupported('layer_norm_elementwise_affine is false')
  if (c.hidden_size % c.num_attention_heads !== 0) {
    throw configError(`the width ${c.hidden_size} does not divide by ${c.num_attention_heads} heads`)
  }
  const embeddingSize = c.word_embed_proj_dim ?? c.hidden_size
  const projected = embeddingSize !== c.hidden_size
  const names = namesOf(projected, c.do_layer_norm_before && !c._remove_final_layer_norm)
  const projections: LinearLayer[] = [
    { module: `${DECODER}.project_in`, outputs: 'hidden', inputs: 'embedding' },
    { module: `${DECODER}.project_out`, outputs: 'embedding', inputs: 'hidden' },
  ]
  return {
    architecture: opt.name,
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    layers: c.num_hidden_layers,
    heads: c.num_attention_heads,
    kvHeads: c.num_attention_heads,
    headDim: c.hidden_size / c.num_attention_heads,
    ffnSize: c.ffn_dim,
    normEpsilon: NORM_EPSILON,
    ropeTheta: 0,
    maxPositions: c.max_position_embeddings,
    tiedEmbeddings: c.tie_word_embeddings,
    ...readTokens(c),
    activation: readActivation('activation_function', c.activation_function),
    plain: {
      names,
      postNorm: !c.do_layer_norm_before,
      causal: true,
      positionOffset: POSITION_OFFSET,
      ...(projected ? { embeddingSize } : {}),
    },
    linears: [...plainLinears(names), ...(projected ? projections : [])],
  }
}

/** `OPTForCausalLM`. */
export const opt: Architecture = {
  name: 'OPTForCausalLM',
  readConfig,
  writeConfig: (c, dtype) => ({
    architectures: [opt.name],
    model_type: 'opt',
    vocab_size: c.vocabSize,
    hidden_size: c.hiddenSize,
    num_hidden_layers: c.layers,
    num_attention_heads: c.heads,
    ffn_dim: c.ffnSize,
    max_position_embeddings: c.maxPositions,
    word_embed_proj_dim: c.plain?.embeddingSize ?? c.hiddenSize,
    do_layer_norm_before: !c.plain?.postNorm,
    _remove_final_layer_norm: !c.plain?.postNorm && c.plain?.names.finalNorm === null,
    activation_function: writeActivation(c.activation ?? 'relu'),
    tie_word_embeddings: c.tiedEmbeddings,
    enable_bias: true,
    layer_norm_elementwise_affine: true,
    ...writeTokens(c),
    torch_dtype: dtype === 'BF16' ? 'bfloat16' : 'float32',
    use_cache: true,
  }),
  tensorShapes: plainShapes,
  // most exports keep a copy of the tied head
  ignores: (c, name) => c.tiedEmbeddings && name === 'lm_head.weight',
}
