/**
 * A decoder and its loss written a second time, plainly and without regard for speed, for TensorFlow.js: its automatic
 * derivatives are an oracle that shares nothing with src/engine. One example at a time, so there is no packing either.
 */
import * as tf from '@tensorflow/tfjs'
import type { LoraLayout } from '../../src/types/adapter.ts'
import { IGNORE_LABEL, type PackedBatch } from '../../src/types/data.ts'
import type { BaseModel } from '../../src/types/model.ts'

export interface Oracle {
  readonly loss: number
  /** by tensor name */
  readonly gradients: ReadonlyMap<string, Float32Array>
}

/** Loss (mean over all labels) and derivatives with respect to `variables`: the model's tensors or the adapter's factors. */
export async function tfjsGradients(
  model: BaseModel,
  batch: PackedBatch,
  adapter: { layout: LoraLayout; values: Float32Array } | null,
): Promise<Oracle> {
  await tf.setBackend('cpu')
  const weights = new Map(model.tensorNames.map((n) => [n, tf.tensor(model.tensor(n), [...model.shape(n)])]))
  const factors = new Map(
    adapter?.layout.entries.map((e) => {
      const size = e.shape[0] * e.shape[1]
      return [
        `${e.module}.${e.factor}`,
        { name: e.name, value: tf.tensor(adapter.values.slice(e.offset, e.offset + size), [...e.shape]) },
      ]
    }),
  )
  const names = adapter ? [...factors.values()].map((f) => f.name) : [...weights.keys()]
  const initial = adapter ? [...factors.values()].map((f) => f.value) : [...weights.values()]
  const lossOf = (...values: tf.Tensor[]): tf.Scalar => {
    const byName = new Map(names.map((n, i) => [n, values[i] as tf.Tensor]))
    const weight = (n: string): tf.Tensor => byName.get(n) ?? (weights.get(n) as tf.Tensor)
    const factor = (module: string, f: 'A' | 'B'): tf.Tensor2D | null => {
      const known = factors.get(`${module}.${f}`)
      return known ? ((byName.get(known.name) ?? known.value) as tf.Tensor2D) : null
    }
    return batchLoss(model, batch, weight, factor, adapter ? scaleOf(adapter.layout) : 0)
  }
  const { value, grads } = tf.valueAndGrads(lossOf)(initial)
  const gradients = new Map(names.map((n, i) => [n, (grads[i] as tf.Tensor).dataSync() as Float32Array]))
  return { loss: value.dataSync()[0] as number, gradients }
}

const scaleOf = ({ lora }: LoraLayout): number => lora.alpha / (lora.rsLora ? Math.sqrt(lora.rank) : lora.rank)

type Weight = (name: string) => tf.Tensor
type Factor = (module: string, factor: 'A' | 'B') => tf.Tensor2D | null

function batchLoss(model: BaseModel, batch: PackedBatch, weight: Weight, factor: Factor, scale: number): tf.Scalar {
  const c = model.config
  const losses: tf.Tensor[] = []
  for (let segment = 1; segment <= batch.examples; segment++) {
    const at = [...batch.segments.keys()].filter((i) => batch.segments[i] === segment)
    const ids = at.map((i) => batch.ids[i] as number)
    const linear = (module: string, x: tf.Tensor2D): tf.Tensor2D => {
      const y: tf.Tensor2D = tf.matMul(x, weight(`${module}.weight`) as tf.Tensor2D, false, true)
      const [a, b] = [factor(module, 'A'), factor(module, 'B')]
      if (!a || !b) return y
      const low = tf.matMul(tf.matMul(x, a, false, true), b, false, true)
      return tf.add(y, tf.mul(low, scale) as tf.Tensor2D)
    }
    const norm = (x: tf.Tensor2D, name: string): tf.Tensor2D => {
      const mean = tf.mean(tf.square(x), 1, true)
      return tf.mul(tf.mul(x, tf.rsqrt(tf.add(mean, c.normEpsilon))), weight(name))
    }
    const table = weight('model.embed_tokens.weight') as tf.Tensor2D
    let x = tf.gather(table, tf.tensor1d(ids, 'int32')) as tf.Tensor2D
    for (let i = 0; i < c.layers; i++) {
      const layer = `model.layers.${i}`
      const h = norm(x, `${layer}.input_layernorm.weight`)
      const q = linear(`${layer}.self_attn.q_proj`, h)
      const k = linear(`${layer}.self_attn.k_proj`, h)
      const v = linear(`${layer}.self_attn.v_proj`, h)
      const heads: tf.Tensor2D[] = []
      for (let n = 0; n < c.heads; n++) {
        const m = Math.floor((n * c.kvHeads) / c.heads)
        const cut = (t: tf.Tensor2D, j: number): tf.Tensor2D => tf.slice(t, [0, j * c.headDim], [ids.length, c.headDim])
        heads.push(attention(rotate(cut(q, n), c.ropeTheta), rotate(cut(k, m), c.ropeTheta), cut(v, m)))
      }
      x = tf.add(x, linear(`${layer}.self_attn.o_proj`, tf.concat(heads, 1)))
      const f = norm(x, `${layer}.post_attention_layernorm.weight`)
      const gate = linear(`${layer}.mlp.gate_proj`, f)
      const act: tf.Tensor2D = tf.mul(tf.mul(gate, tf.sigmoid(gate)), linear(`${layer}.mlp.up_proj`, f))
      x = tf.add(x, linear(`${layer}.mlp.down_proj`, act))
    }
    const head = (c.tiedEmbeddings ? table : weight('lm_head.weight')) as tf.Tensor2D
    const logP = tf.logSoftmax(tf.matMul(norm(x, 'model.norm.weight'), head, false, true))
    for (const [i, place] of at.entries()) {
      const label = batch.labels[place] as number
      if (label !== IGNORE_LABEL) losses.push(tf.neg(tf.slice(logP, [i, label], [1, 1])))
    }
  }
  return tf.mean(tf.concat(losses, 0)) as tf.Scalar
}

/** (x1, x2) -> (x1·cos − x2·sin, x2·cos + x1·sin), position = row */
function rotate(x: tf.Tensor2D, theta: number): tf.Tensor2D {
  const [rows, width] = x.shape
  const half = width / 2
  const angles = tf.tensor2d(
    Array.from({ length: rows }, (_, t) => Array.from({ length: half }, (_, i) => t * theta ** ((-2 * i) / width))),
  )
  const [cos, sin] = [tf.cos(angles), tf.sin(angles)]
  const x1 = tf.slice(x, [0, 0], [rows, half])
  const x2 = tf.slice(x, [0, half], [rows, half])
  return tf.concat(
    [tf.sub(tf.mul(x1, cos), tf.mul(x2, sin)), tf.add(tf.mul(x2, cos), tf.mul(x1, sin))],
    1,
  ) as tf.Tensor2D
}

function attention(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D): tf.Tensor2D {
  const n = q.shape[0]
  const mask = tf.tensor2d(
    Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (j <= i ? 0 : -1e9))),
  )
  const scores = tf.add(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(q.shape[1])), mask)
  return tf.matMul(tf.softmax(scores) as tf.Tensor2D, v)
}
