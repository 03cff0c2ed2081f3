/**
 * Every family's forward pass a second time: float64, one loop for one sum, one sequence, no batch, no cache, written from
 * the papers and from transformers' modelling code. It reads config.json itself and shares nothing with src.
 */
import { referenceEncoderLogits } from './reference-encoder.ts'
import { layerNorm, linear, rmsNorm } from './reference-layers.ts'
import {
  activate,
  addRows,
  type Matrix,
  map,
  type Reader,
  rows,
  type Settings,
  settingsOf,
  softmaxAttention,
} from './reference-math.ts'
import { turnHead, turnsOf } from './reference-rope.ts'

/**
 * Logits (T, V) of one sequence; of a classifier (1, classes).
 * @param json config.json's value
 * @param tensor values of a weight by Hugging Face's name
 */
export function referenceLogits(
  json: Readonly<Record<string, unknown>>,
  tensor: Reader,
  ids: readonly number[],
): Matrix {
  const s = settingsOf(json)
  if (s.name === 'OPTForCausalLM') return optLogits(s, tensor, ids)
  if (s.name.startsWith('DistilBert')) return referenceEncoderLogits(s, tensor, ids)
  return rotaryLogits(s, tensor, ids)
}

const cut = (x: Matrix, from: number, to: number): Matrix => x.map((row) => row.slice(from, to))
const bend = (x: Matrix, cap: number | null): Matrix => (cap === null ? x : map(x, (v) => cap * Math.tanh(v / cap)))

/** Llama, Mistral, Qwen2, Qwen3, Gemma3, Phi3, Granite. */
function rotaryLogits(s: Settings, tensor: Reader, ids: readonly number[]): Matrix {
  const gemma = s.name === 'Gemma3ForCausalLM'
  const granite = s.name === 'GraniteForCausalLM'
  const phi = s.name === 'Phi3ForCausalLM'
  const [D, H, h] = [s.number('hidden_size'), s.number('num_attention_heads'), s.headDim]
  const K = s.number('num_key_value_heads', H)
  const F = s.number('intermediate_size')
  const attentionBias = s.flag('attention_bias')
  const qkvBias = attentionBias || s.name === 'Qwen2ForCausalLM'
  const mlpBias = s.flag('mlp_bias')
  const headNorms = gemma || s.name === 'Qwen3ForCausalLM'
  const norm = (x: Matrix, name: string): Matrix =>
    rmsNorm(x, tensor(`${name}.weight`), s.number('rms_norm_eps', 1e-6), gemma ? 1 : 0)
  const scale = gemma
    ? s.number('query_pre_attn_scalar') ** -0.5
    : granite
      ? s.number('attention_multiplier')
      : h ** -0.5
  const embeddingScale = gemma ? Math.sqrt(D) : granite ? s.number('embedding_multiplier') : 1
  const residual = granite ? s.number('residual_multiplier') : 1
  const act = gemma ? 'gelu_pytorch_tanh' : s.text('hidden_act', 'silu')

  let x = map(rows(tensor('model.embed_tokens.weight'), D, ids), (v) => v * embeddingScale)
  for (let i = 0; i < s.number('num_hidden_layers'); i++) {
    const layer = `model.layers.${i}`
    const sliding = s.slides(i)
    const window = sliding ? s.number('sliding_window') : Number.POSITIVE_INFINITY
    const turns = turnsOf(s, gemma && sliding)

    const a = norm(x, `${layer}.input_layernorm`)
    const at = `${layer}.self_attn`
    const fused = phi ? linear(a, tensor, `${at}.qkv_proj`) : null
    const q = fused ? cut(fused, 0, H * h) : linear(a, tensor, `${at}.q_proj`, qkvBias)
    const k = fused ? cut(fused, H * h, (H + K) * h) : linear(a, tensor, `${at}.k_proj`, qkvBias)
    const v = fused ? cut(fused, (H + K) * h, (H + 2 * K) * h) : linear(a, tensor, `${at}.v_proj`, qkvBias)
    const head = (m: Matrix, n: number, normName: string | null): Matrix => {
      const own = cut(m, n * h, (n + 1) * h)
      const sized = normName && headNorms ? norm(own, `${at}.${normName}`) : own
      return normName ? sized.map((row, t) => turnHead(row, t, turns)) : sized
    }
    const outputs = Array.from({ length: H }, (_, n) => {
      const m = Math.floor((n * K) / H)
      return softmaxAttention(head(q, n, 'q_norm'), head(k, m, 'k_norm'), head(v, m, null), {
        scale,
        cap: gemma ? s.optional('attn_logit_softcapping') : null,
        sees: (from, to) => to <= from && from - to < window,
      })
    })
    const joined = ids.map((_, t) => outputs.flatMap((o) => o[t] as number[]))
    const o = linear(joined, tensor, `${at}.o_proj`, attentionBias)
    x = addRows(x, gemma ? norm(o, `${layer}.post_attention_layernorm`) : map(o, (v) => v * residual))

    const b = norm(x, `${layer}.${gemma ? 'pre_feedforward_layernorm' : 'post_attention_layernorm'}`)
    const both = phi ? linear(b, tensor, `${layer}.mlp.gate_up_proj`) : null
    const gate = both ? cut(both, 0, F) : linear(b, tensor, `${layer}.mlp.gate_proj`, mlpBias)
    const up = both ? cut(both, F, 2 * F) : linear(b, tensor, `${layer}.mlp.up_proj`, mlpBias)
    const product = gate.map((row, t) => row.map((v, j) => activate(act, v) * ((up[t] as number[])[j] as number)))
    const down = linear(product, tensor, `${layer}.mlp.down_proj`, mlpBias)
    x = addRows(x, gemma ? norm(down, `${layer}.post_feedforward_layernorm`) : map(down, (v) => v * residual))
  }
  const head = s.flag('tie_word_embeddings') ? 'model.embed_tokens' : 'lm_head'
  const logits = linear(norm(x, 'model.norm'), tensor, head)
  if (granite) return map(logits, (v) => v / s.number('logits_scaling'))
  return bend(logits, gemma ? s.optional('final_logit_softcapping') : null)
}

function optLogits(s: Settings, tensor: Reader, ids: readonly number[]): Matrix {
  const [D, H] = [s.number('hidden_size'), s.number('num_attention_heads')]
  const E = s.number('word_embed_proj_dim', D)
  const h = D / H
  const first = s.flag('do_layer_norm_before')
  const at = 'model.decoder'
  const norm = (x: Matrix, name: string): Matrix => layerNorm(x, tensor, name, 1e-5)
  const embedded = rows(tensor(`${at}.embed_tokens.weight`), E, ids)
  const positions = rows(
    tensor(`${at}.embed_positions.weight`),
    D,
    ids.map((_, t) => t + 2),
  )
  let x = addRows(E === D ? embedded : linear(embedded, tensor, `${at}.project_in`), positions)
  for (let i = 0; i < s.number('num_hidden_layers'); i++) {
    const layer = `${at}.layers.${i}`
    const a = first ? norm(x, `${layer}.self_attn_layer_norm`) : x
    const [q, k, v] = ['q_proj', 'k_proj', 'v_proj'].map((n) => linear(a, tensor, `${layer}.self_attn.${n}`, true)) as [
      Matrix,
      Matrix,
      Matrix,
    ]
    const outputs = Array.from({ length: H }, (_, n) => {
      const part = (m: Matrix): Matrix => cut(m, n * h, (n + 1) * h)
      return softmaxAttention(part(q), part(k), part(v), {
        scale: h ** -0.5,
        cap: null,
        sees: (from, to) => to <= from,
      })
    })
    const joined = ids.map((_, t) => outputs.flatMap((o) => o[t] as number[]))
    x = addRows(x, linear(joined, tensor, `${layer}.self_attn.out_proj`, true))
    if (!first) x = norm(x, `${layer}.self_attn_layer_norm`)
    const b = first ? norm(x, `${layer}.final_layer_norm`) : x
    const up = map(linear(b, tensor, `${layer}.fc1`, true), (v) => activate(s.text('activation_function', 'relu'), v))
    x = addRows(x, linear(up, tensor, `${layer}.fc2`, true))
    if (!first) x = norm(x, `${layer}.final_layer_norm`)
  }
  if (first) x = norm(x, `${at}.final_layer_norm`)
  if (E !== D) x = linear(x, tensor, `${at}.project_out`)
  return linear(x, tensor, `${at}.embed_tokens`)
}
