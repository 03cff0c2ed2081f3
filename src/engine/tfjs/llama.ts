/**
 * The Llama decoder for TensorFlow.js, in parts: embedding, one layer, head. Parts, because training keeps only what goes
 * from one to the next and computes the inside of a layer again for its derivatives (Chen et al. 2016, arXiv:1604.06174):
 * WebAssembly has 4 GiB. R rows, T tokens a row, N = R·T, S cached and new tokens, G = H/K query heads a key head.
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs'
import { CoveyError } from '../../base/errors.ts'
import type { ModelConfig } from '../../types/model.ts'
import { batched, linear, logSumExp, rmsNorm, rope, rowsOf, swiglu } from './ops.ts'
import type { Tf } from './runtime.ts'

export const EMBEDDING = 'model.embed_tokens.weight'
const FINAL_NORM = 'model.norm.weight'
const HEAD = 'lm_head.weight'
/** Added to the score of a token that may not be seen: its softmax is exactly 0 in float32. */
const UNSEEN = -1e9

/** What every config says, whatever the family; anything beyond it changes what a decoder computes. */
const PLAIN: Readonly<Record<RequiredKeys<ModelConfig>, true>> = {
  architecture: true,
  vocabSize: true,
  hiddenSize: true,
  layers: true,
  heads: true,
  kvHeads: true,
  headDim: true,
  ffnSize: true,
  normEpsilon: true,
  ropeTheta: true,
  maxPositions: true,
  tiedEmbeddings: true,
  bosId: true,
  eosIds: true,
  padId: true,
}
type RequiredKeys<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? never : K }[keyof T]

/** @throws CoveyError E_MODEL_ARCHITECTURE for a model that is not of the plain Llama shape */
export function checkModel(config: ModelConfig): void {
  const given = Object.entries(config).filter(([key, value]) => value !== undefined && !Object.hasOwn(PLAIN, key))
  if (given.length === 0) return
  const features = given.map(([key]) => key)
  throw new CoveyError(
    'E_MODEL_ARCHITECTURE',
    `the tfjs engine computes decoders of the plain Llama shape (LlamaForCausalLM without further features), the model is ${config.architecture} with ${features.join(', ')}: use the engine onnx`,
    { architecture: config.architecture, features },
  )
}

/** Names of the tensors of one layer, and of what is behind the last. */
export const layerPrefix = (i: number): string => `model.layers.${i}.`
export const headNames = (c: ModelConfig): readonly string[] => [FINAL_NORM, c.tiedEmbeddings ? EMBEDDING : HEAD]

/** Where a part gets its weights, and how its linear layers are computed. */
export interface Weights {
  weight(name: string): Tensor
  trained(name: string): boolean
  /** (N, out), with what an adapter adds; x (N, in) */
  linear(module: string, x: Tensor2D): Tensor2D
}

/** What attention needs to know of a batch; the same for every layer. */
export interface Places {
  readonly rows: number
  readonly length: number
  /** (R, 1, T, h/2) */
  readonly cos: Tensor4D
  readonly sin: Tensor4D
  /** (R, 1, G·T, S): 0 where a key is seen, UNSEEN elsewhere */
  readonly mask: Tensor4D
}

/** (R, T) and (R, S), row-major */
export interface PlacesInput {
  readonly rows: number
  readonly length: number
  readonly positions: Int32Array
  readonly segments: Int32Array
  readonly keyPositions: Int32Array
  readonly keySegments: Int32Array
}

export function placesOf(tf: Tf, c: ModelConfig, input: PlacesInput): Places {
  const { rows, length, positions, segments, keyPositions, keySegments } = input
  const half = c.headDim / 2
  const frequencies = Float64Array.from({ length: half }, (_, i) => c.ropeTheta ** ((-2 * i) / c.headDim))
  const cos = new Float32Array(rows * length * half)
  const sin = new Float32Array(rows * length * half)
  for (let n = 0; n < rows * length; n++) {
    for (let i = 0; i < half; i++) {
      const angle = (positions[n] as number) * (frequencies[i] as number)
      cos[n * half + i] = Math.cos(angle)
      sin[n * half + i] = Math.sin(angle)
    }
  }
  const groups = c.heads / c.kvHeads
  const S = keyPositions.length / rows
  const mask = new Float32Array(rows * groups * length * S).fill(UNSEEN)
  for (let r = 0; r < rows; r++) {
    for (let t = 0; t < length; t++) {
      const q = r * length + t
      const from = (r * groups * length + t) * S
      for (let s = 0; s < S; s++) {
        const k = r * S + s
        if (keySegments[k] === segments[q] && (keyPositions[k] as number) <= (positions[q] as number))
          mask[from + s] = 0
      }
      for (let g = 1; g < groups; g++) mask.copyWithin(from + g * length * S, from, from + S)
    }
  }
  const table = [rows, 1, length, half] as [number, number, number, number]
  return {
    rows,
    length,
    cos: tf.tensor4d(cos, table),
    sin: tf.tensor4d(sin, table),
    mask: tf.tensor4d(mask, [rows, 1, groups * length, S]),
  }
}

/** (R, K, S, h) each */
export interface KeysAndValues {
  readonly keys: Tensor4D
  readonly values: Tensor4D
}

export interface LayerOutput extends KeysAndValues {
  /** (N, D), or (L, D) when only the places of `index` go on */
  readonly x: Tensor2D
}

/**
 * Layer i on x (N, D).
 * @param index (L) the places that are wanted behind the last layer's attention, null for all
 */
export function layer(
  tf: Tf,
  c: ModelConfig,
  w: Weights,
  i: number,
  x: Tensor2D,
  places: Places,
  index: Tensor1D | null,
  past: KeysAndValues | null,
): LayerOutput {
  const { heads: H, kvHeads: K, headDim: h } = c
  const { rows: R, length: T } = places
  const name = (part: string): string => `${layerPrefix(i)}${part}`
  const byHead = (y: Tensor2D, n: number): Tensor4D => tf.transpose(tf.reshape(y, [R, T, n, h]), [0, 2, 1, 3])

  const a = rmsNorm(tf, x, w.weight(name('input_layernorm.weight')), c.normEpsilon)
  const q = rope(tf, byHead(w.linear(name('self_attn.q_proj'), a), H), places.cos, places.sin)
  const k = rope(tf, byHead(w.linear(name('self_attn.k_proj'), a), K), places.cos, places.sin)
  const v = byHead(w.linear(name('self_attn.v_proj'), a), K)
  const keys = past ? tf.concat([past.keys, k], 2) : k
  const values = past ? tf.concat([past.values, v], 2) : v
  const S = keys.shape[2]
  const GT = (H / K) * T
  const merged = (y: Tensor4D, n: number, last: number): Tensor3D => tf.reshape(y, [R * K, n, last])
  const scores = batched(tf, tf.reshape(q, [R * K, GT, h]), tf.transpose(merged(keys, S, h), [0, 2, 1]))
  const seen: Tensor4D = tf.add(tf.mul(tf.reshape(scores, [R, K, GT, S]), 1 / Math.sqrt(h)), places.mask)
  const o = batched(tf, merged(tf.softmax(seen), GT, S), merged(values, S, h))
  const joined: Tensor2D = tf.reshape(tf.transpose(tf.reshape(o, [R, H, T, h]), [0, 2, 1, 3]), [R * T, H * h])
  const wanted = (y: Tensor2D): Tensor2D => (index ? rowsOf(tf, y, index) : y)
  const y: Tensor2D = tf.add(wanted(x), w.linear(name('self_attn.o_proj'), wanted(joined)))

  const b = rmsNorm(tf, y, w.weight(name('post_attention_layernorm.weight')), c.normEpsilon)
  const f = swiglu(tf, w.linear(name('mlp.gate_proj'), b), w.linear(name('mlp.up_proj'), b))
  return { x: tf.add(y, w.linear(name('mlp.down_proj'), f)), keys, values }
}

export interface HeadOutput {
  /** (L, V) */
  readonly logits: Tensor2D
  /** (L, D) after the final norm */
  readonly hidden: Tensor2D
  /** (V, D) */
  readonly table: Tensor2D
}

/** From the last layer's x (L, D) to logits. */
export function head(tf: Tf, c: ModelConfig, w: Weights, x: Tensor2D): HeadOutput {
  const [norm, matrix] = headNames(c) as [string, string]
  const hidden = rmsNorm(tf, x, w.weight(norm), c.normEpsilon)
  const table = w.weight(matrix) as Tensor2D
  return { logits: linear(tf, hidden, table, w.trained(matrix)), hidden, table }
}

/** −log p of each label (L). The label's logit is made a second time, so that no (L, V) array of ones and zeros is needed. */
export function negativeLogLikelihood(tf: Tf, { logits, hidden, table }: HeadOutput, labels: Tensor1D): Tensor1D {
  return tf.sub(logSumExp(tf, logits), tf.sum(tf.mul(hidden, rowsOf(tf, table, labels)), 1))
}
