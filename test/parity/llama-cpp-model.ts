/**
 * A model of ours as llama.cpp wants it: names, metadata and the changes to weights that its converter makes
 * (https://github.com/ggml-org/llama.cpp/blob/master/convert_hf_to_gguf.py).
 */
import type { BaseModel } from '../../src/types/model.ts'
import { architectureName, type ConfigJson } from '../support/families.ts'
import type { GgufTensor, GgufValue } from './gguf.ts'

interface Target {
  /** llama.cpp's name of the family */
  readonly arch: string
  /** the family's graph turns neighbouring numbers, not halves: rows of q and k are put in that order */
  readonly interleaved?: boolean
  /** 1 is added to the weights of norms */
  readonly normOffset?: boolean
}

const TARGETS: Readonly<Record<string, Target>> = {
  LlamaForCausalLM: { arch: 'llama', interleaved: true },
  MistralForCausalLM: { arch: 'llama', interleaved: true },
  Qwen2ForCausalLM: { arch: 'qwen2' },
  Qwen3ForCausalLM: { arch: 'qwen3' },
  Gemma3ForCausalLM: { arch: 'gemma3', normOffset: true },
  Phi3ForCausalLM: { arch: 'phi3' },
  GraniteForCausalLM: { arch: 'granite', interleaved: true },
}

/** Modules of a layer, ours to llama.cpp's; a post norm of Gemma comes first, since Llama's norm has the same name. */
const MODULES: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.qkv_proj': 'attn_qkv',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.gate_up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
}
const GEMMA_MODULES: Readonly<Record<string, string>> = {
  ...MODULES,
  post_attention_layernorm: 'post_attention_norm',
  pre_feedforward_layernorm: 'ffn_norm',
  post_feedforward_layernorm: 'post_ffw_norm',
}

/** Why llama.cpp does not compute this model as transformers does; null when it does. */
export function llamaCppLacks(json: ConfigJson): string | null {
  const name = architectureName(json)
  if (!(name in TARGETS)) return `has no ${name}`
  const window = name.startsWith('Qwen') && json.use_sliding_window !== true ? null : json.sliding_window
  const narrow = typeof window === 'number' && window < Number(json.max_position_embeddings)
  if (narrow && name !== 'Gemma3ForCausalLM') return `has no sliding window in ${name}`
  if (json.attn_logit_softcapping != null) return `has no soft cap of scores in ${name}`
  return null
}

export function llamaCppModel(
  json: ConfigJson,
  model: BaseModel,
): { readonly metadata: Record<string, GgufValue>; readonly tensors: GgufTensor[] } {
  const target = TARGETS[architectureName(json)]
  if (!target) throw new Error(`llama.cpp has no ${architectureName(json)}`)
  const tensors = model.tensorNames.map((name) => tensorOf(model, name, target))
  return { metadata: metadataOf(json, model, target), tensors: [...tensors, ...ropeFactors(json, model)] }
}

function tensorOf(model: BaseModel, name: string, { arch, interleaved, normOffset }: Target): GgufTensor {
  const shape = model.shape(name)
  const values = model.tensor(name)
  const isNorm = /norm\.weight$/.test(name)
  const { heads, kvHeads } = model.config
  const part = /self_attn\.([qk])_proj\./.exec(name)?.[1]
  const ordered =
    interleaved && part ? interleave(values, part === 'q' ? heads : kvHeads, model.config.headDim) : values
  const shifted = normOffset && isNorm ? ordered.map((x) => x + 1) : ordered
  return { name: nameOf(name, arch === 'gemma3' ? GEMMA_MODULES : MODULES), shape, values: shifted }
}

/** Within each head, row j of the first half is followed by row j of the second. */
function interleave(values: Float32Array, heads: number, headDim: number): Float32Array {
  const width = values.length / (heads * headDim)
  const out = new Float32Array(values.length)
  for (let n = 0; n < heads; n++)
    for (let j = 0; j < headDim; j++) {
      const from = n * headDim + Math.floor(j / 2) + (j % 2) * (headDim / 2)
      out.set(values.subarray(from * width, (from + 1) * width), (n * headDim + j) * width)
    }
  return out
}

function nameOf(name: string, modules: Readonly<Record<string, string>>): string {
  const ends: Readonly<Record<string, string>> = {
    'model.embed_tokens.weight': 'token_embd.weight',
    'model.norm.weight': 'output_norm.weight',
    'lm_head.weight': 'output.weight',
  }
  if (ends[name]) return ends[name]
  const [, layer, module, kind] = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name) ?? []
  const known = modules[module ?? '']
  if (!known) throw new Error(`llama.cpp has no tensor like ${name}`)
  return `blk.${layer}.${known}.${kind}`
}

function metadataOf(json: ConfigJson, model: BaseModel, { arch }: Target): Record<string, GgufValue> {
  const c = model.config
  const dim = c.rope?.dim ?? c.headDim
  const scaling = json.rope_scaling as Readonly<Record<string, unknown>> | null | undefined
  const kind = scaling?.rope_type ?? scaling?.type
  const own: Record<string, GgufValue> = {
    context_length: { uint: Number(json.max_position_embeddings) },
    vocab_size: { uint: c.vocabSize },
    embedding_length: { uint: c.hiddenSize },
    block_count: { uint: c.layers },
    feed_forward_length: { uint: c.ffnSize },
    'attention.head_count': { uint: c.heads },
    'attention.head_count_kv': { uint: c.kvHeads },
    'attention.key_length': { uint: c.headDim },
    'attention.value_length': { uint: c.headDim },
    'attention.layer_norm_rms_epsilon': { float: c.normEpsilon },
    'rope.freq_base': { float: c.ropeTheta },
    'rope.dimension_count': { uint: dim },
    'attention.sliding_window': { uint: arch === 'gemma3' ? Number(json.sliding_window) : 0 },
  }
  if (kind === 'linear')
    Object.assign(own, {
      'rope.scaling.type': { text: 'linear' },
      'rope.scaling.factor': { float: Number(scaling?.factor) },
    })
  if (kind === 'yarn') {
    Object.assign(own, {
      'rope.scaling.type': { text: 'yarn' },
      'rope.scaling.factor': { float: Number(scaling?.factor) },
      'rope.scaling.original_context_length': { uint: Number(scaling?.original_max_position_embeddings) },
      'rope.scaling.yarn_beta_fast': { float: Number(scaling?.beta_fast) },
      'rope.scaling.yarn_beta_slow': { float: Number(scaling?.beta_slow) },
    })
  }
  const long = c.rope?.scaling
  if (long?.kind === 'longrope') {
    Object.assign(own, {
      'rope.scaling.original_context_length': { uint: long.originalPositions },
      'rope.scaling.attn_factor': { float: long.magnitude },
    })
  }
  if (arch === 'gemma3') {
    Object.assign(own, {
      'attention.sliding_window_pattern': { uint: Number(json.sliding_window_pattern) },
      'rope.freq_base_swa': { float: Number(json.rope_local_base_freq) },
    })
  }
  if (arch === 'granite') {
    Object.assign(own, {
      embedding_scale: { float: Number(json.embedding_multiplier) },
      residual_scale: { float: Number(json.residual_multiplier) },
      logit_scale: { float: Number(json.logits_scaling) },
      'attention.scale': { float: Number(json.attention_multiplier) },
    })
  }
  return {
    'general.architecture': { text: arch },
    'tokenizer.ggml.model': { text: 'no_vocab' },
    ...Object.fromEntries(Object.entries(own).map(([key, value]) => [`${arch}.${key}`, value])),
  }
}

/** Frequencies are divided by these: Llama 3's stretching, and LongRoPE's two lists. */
function ropeFactors(json: ConfigJson, { config }: BaseModel): GgufTensor[] {
  const scaling = json.rope_scaling as Readonly<Record<string, unknown>> | null | undefined
  const list = (name: string, values: readonly number[]): GgufTensor => ({
    name,
    shape: [values.length],
    values: Float32Array.from(values),
  })
  if (scaling?.short_factor) {
    return [
      list('rope_factors_long.weight', scaling.long_factor as number[]),
      list('rope_factors_short.weight', scaling.short_factor as number[]),
    ]
  }
  if (scaling?.rope_type !== 'llama3') return []
  const [factor, low, high, old] = [
    'factor',
    'low_freq_factor',
    'high_freq_factor',
    'original_max_position_embeddings',
  ].map((field) => Number(scaling[field])) as [number, number, number, number]
  const factors = Array.from({ length: config.headDim / 2 }, (_, i) => {
    const wavelength = 2 * Math.PI * config.ropeTheta ** ((2 * i) / config.headDim)
    if (wavelength < old / high) return 1
    if (wavelength > old / low) return factor
    const smooth = (old / wavelength - low) / (high - low)
    return 1 / ((1 - smooth) / factor + smooth)
  })
  return [list('rope_freqs.weight', factors)]
}
