/**
 * One small model of each family, told as its config.json tells it, so that reading it is part of every test. Widths differ
 * from each other wherever a family lets them, so that a swapped dimension shows.
 */
import { architectureFor } from '../../src/model/families/architectures.ts'
import type { ModelConfig } from '../../src/types/model.ts'

export type ConfigJson = Readonly<Record<string, unknown>>

const decoder = {
  vocab_size: 40,
  hidden_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  intermediate_size: 20,
  hidden_act: 'silu',
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  max_position_embeddings: 64,
  tie_word_embeddings: false,
  bos_token_id: 1,
  eos_token_id: 2,
}

/** Frequencies whose turns within `original_max_position_embeddings` lie below, between and above the two borders. */
const LLAMA3 = {
  rope_type: 'llama3',
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 40,
}

/** By a name for people; `architectures` says which class of transformers it is. */
export const FAMILIES: Readonly<Record<string, ConfigJson>> = {
  SmolLM2: { ...decoder, architectures: ['LlamaForCausalLM'], head_dim: 6, tie_word_embeddings: true },
  'Llama 3.2': {
    ...decoder,
    architectures: ['LlamaForCausalLM'],
    tie_word_embeddings: true,
    rope_theta: 500,
    rope_scaling: LLAMA3,
  },
  'Llama with biases': { ...decoder, architectures: ['LlamaForCausalLM'], attention_bias: true, mlp_bias: true },
  'Mistral 7B': { ...decoder, architectures: ['MistralForCausalLM'], head_dim: 6, sliding_window: 3 },
  'Mistral Nemo': { ...decoder, architectures: ['MistralForCausalLM'], sliding_window: null, rope_theta: 1e6 },
  'Qwen2.5': {
    ...decoder,
    architectures: ['Qwen2ForCausalLM'],
    head_dim: 6,
    tie_word_embeddings: true,
    rope_theta: 1e6,
    sliding_window: 32_768,
    max_window_layers: 1,
    use_sliding_window: false,
  },
  'Qwen2.5 with window': {
    ...decoder,
    architectures: ['Qwen2ForCausalLM'],
    head_dim: 6,
    sliding_window: 4,
    max_window_layers: 1,
    use_sliding_window: true,
  },
  Qwen3: {
    ...decoder,
    architectures: ['Qwen3ForCausalLM'],
    tie_word_embeddings: true,
    rope_theta: 1e6,
    attention_bias: false,
  },
  'Qwen3 with YaRN': {
    ...decoder,
    architectures: ['Qwen3ForCausalLM'],
    rope_theta: 20,
    max_position_embeddings: 1024,
    rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 256, beta_fast: 32, beta_slow: 1 },
  },
  'Gemma 3': {
    ...decoder,
    architectures: ['Gemma3ForCausalLM'],
    num_hidden_layers: 3,
    rms_norm_eps: 1e-6,
    rope_theta: 1e6,
    rope_local_base_freq: 100,
    hidden_activation: 'gelu_pytorch_tanh',
    query_pre_attn_scalar: 8,
    sliding_window: 3,
    sliding_window_pattern: 2,
    tie_word_embeddings: true,
    eos_token_id: [1, 2],
  },
  'Gemma 3 with caps': {
    ...decoder,
    architectures: ['Gemma3ForCausalLM'],
    rope_theta: 1e4,
    rope_scaling: { rope_type: 'linear', factor: 8 },
    query_pre_attn_scalar: 12,
    sliding_window: 4,
    layer_types: ['sliding_attention', 'full_attention'],
    attn_logit_softcapping: 2,
    final_logit_softcapping: 3,
    tie_word_embeddings: true,
  },
  // llama.cpp chooses between the two lists by the size of its context, which is 256 at least
  'Phi-3.5': {
    ...decoder,
    architectures: ['Phi3ForCausalLM'],
    num_key_value_heads: 4,
    head_dim: undefined,
    max_position_embeddings: 1024,
    original_max_position_embeddings: 256,
    rope_scaling: { type: 'su', short_factor: [1, 1.2, 1.5], long_factor: [1.5, 3, 9] },
    sliding_window: 262_144,
  },
  'Phi-3 with window': {
    ...decoder,
    architectures: ['Phi3ForCausalLM'],
    num_key_value_heads: 4,
    head_dim: undefined,
    sliding_window: 4,
  },
  'Phi-4-mini': {
    ...decoder,
    architectures: ['Phi3ForCausalLM'],
    hidden_size: 32,
    head_dim: undefined,
    partial_rotary_factor: 0.75,
    max_position_embeddings: 1024,
    original_max_position_embeddings: 256,
    rope_scaling: { type: 'longrope', short_factor: [1, 1.1, 1.3], long_factor: [1, 4, 8] },
    tie_word_embeddings: true,
  },
  Granite: {
    ...decoder,
    architectures: ['GraniteForCausalLM'],
    head_dim: undefined,
    tie_word_embeddings: true,
    embedding_multiplier: 3,
    attention_multiplier: 0.3,
    residual_multiplier: 0.6,
    logits_scaling: 1.5,
  },
  OPT: {
    architectures: ['OPTForCausalLM'],
    vocab_size: 40,
    hidden_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    ffn_dim: 20,
    max_position_embeddings: 64,
    word_embed_proj_dim: 24,
    do_layer_norm_before: true,
    activation_function: 'relu',
    bos_token_id: 2,
    eos_token_id: 2,
    pad_token_id: 1,
  },
  'OPT-350m': {
    architectures: ['OPTForCausalLM'],
    vocab_size: 40,
    hidden_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    ffn_dim: 20,
    max_position_embeddings: 64,
    word_embed_proj_dim: 14,
    do_layer_norm_before: false,
    activation_function: 'relu',
    bos_token_id: 2,
    eos_token_id: 2,
    pad_token_id: 1,
  },
  'DistilBERT, classes': {
    architectures: ['DistilBertForSequenceClassification'],
    vocab_size: 40,
    dim: 24,
    n_layers: 2,
    n_heads: 4,
    hidden_dim: 20,
    max_position_embeddings: 64,
    activation: 'gelu',
    id2label: { 0: 'a', 1: 'b', 2: 'c' },
    pad_token_id: 0,
  },
  'DistilBERT, masked': {
    architectures: ['DistilBertForMaskedLM'],
    vocab_size: 40,
    dim: 24,
    n_layers: 2,
    n_heads: 4,
    hidden_dim: 20,
    max_position_embeddings: 64,
    activation: 'gelu',
    pad_token_id: 0,
  },
}

export const architectureName = (json: ConfigJson): string => (json.architectures as string[])[0] as string

export function familyConfig(json: ConfigJson): ModelConfig {
  return architectureFor(architectureName(json)).readConfig(json)
}

/** Those that generate: every token sees the earlier ones only. */
export const DECODERS = Object.entries(FAMILIES).filter(([name]) => !name.startsWith('DistilBERT'))
export const ENCODERS = Object.entries(FAMILIES).filter(([name]) => name.startsWith('DistilBERT'))
