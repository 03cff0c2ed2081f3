/**
 * The operations of a decoder for TensorFlow.js. Derivatives are its own, but for three: the WebAssembly backend leaves its
 * fast product when a flag asks it to transpose, and in batches; it has no sum over segments, which rows need; and of the
 * (L, V) logits there should be few copies.
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs'
import type { Tf } from './runtime.ts'

const product = (tf: Tf, a: Tensor2D, b: Tensor2D): Tensor2D => tf.matMul(a, b)

type Save = (tensors: Tensor[]) => void

/**
 * An operation of one or two tensors with a derivative of our own. `backward` gets what was put in again: what was made on
 * the way forward is gone by then, unless it was saved.
 */
function operation<Inputs extends Tensor[], Output extends Tensor>(
  tf: Tf,
  inputs: readonly [...Inputs],
  forward: (inputs: NoInfer<Inputs>) => Output,
  backward: (dy: Output, inputs: NoInfer<Inputs>) => Tensor | Tensor[],
): Output {
  const op = tf.customGrad((...all: (Tensor | Save)[]) => {
    const given = all.slice(0, inputs.length) as Inputs
    const save = all[inputs.length] as Save
    save(given)
    return {
      value: tf.tidy(() => forward(given)),
      gradFunc: (dy: Tensor, saved: Tensor[]) => tf.tidy(() => backward(dy as Output, saved as Inputs)),
    }
  })
  return op(...inputs) as Output
}

/** x·Wᵀ; x (N, in), W (out, in). The weight's derivative is made when it is `trained`. */
export function linear(tf: Tf, x: Tensor2D, weight: Tensor2D, trained: boolean): Tensor2D {
  const forward = (x: Tensor2D): Tensor2D => product(tf, x, tf.transpose(weight))
  const dx = (dy: Tensor2D): Tensor2D => product(tf, dy, weight)
  return trained
    ? operation(
        tf,
        [x, weight],
        ([x]) => forward(x),
        (dy, [x]) => [dx(dy), product(tf, tf.transpose(dy), x)],
      )
    : operation(tf, [x], ([x]) => forward(x), dx)
}

/** Products narrower than this are not worth being taken apart. */
const MIN_SPLIT_ROWS = 16

/** a·b for each of B matrices: (B, m, k)·(B, k, n). */
export function batched(tf: Tf, a: Tensor3D, b: Tensor3D): Tensor3D {
  if (tf.getBackend() !== 'wasm' || a.shape[1] < MIN_SPLIT_ROWS) return tf.matMul(a, b)
  const each = (x: Tensor3D, y: Tensor3D): Tensor3D => {
    const ys = tf.unstack(y)
    return tf.stack(tf.unstack(x).map((m, i) => product(tf, m as Tensor2D, ys[i] as Tensor2D))) as Tensor3D
  }
  const turned = (x: Tensor3D): Tensor3D => tf.transpose(x, [0, 2, 1])
  return operation(
    tf,
    [a, b],
    ([a, b]) => each(a, b),
    (dy, [a, b]) => [each(dy, turned(b)), each(turned(a), dy)],
  )
}

/** Rows of x (N, D) by number (L): (L, D). A row may be taken more than once. */
export function rowsOf(tf: Tf, x: Tensor2D, index: Tensor1D): Tensor2D {
  const { shape } = x
  const back = (dy: Tensor2D): Tensor2D => tf.scatterND(tf.expandDims(index, 1), dy, shape)
  return operation(tf, [x], ([x]): Tensor2D => tf.gather(x, index), back)
}

/** log Σ exp of each row: (L, V) to (L). Its derivative is the softmax. */
export function logSumExp(tf: Tf, logits: Tensor2D): Tensor1D {
  return operation(
    tf,
    [logits],
    ([logits]): Tensor1D => tf.logSumExp(logits, 1),
    (dy, [logits]) => tf.mul(tf.softmax(logits), tf.expandDims(dy, 1)),
  )
}

/** x/√(mean x² + ε)·w by row (Zhang and Sennrich 2019, arXiv:1910.07467). */
export function rmsNorm(tf: Tf, x: Tensor2D, weight: Tensor, epsilon: number): Tensor2D {
  const mean = tf.mean(tf.square(x), 1, true)
  return tf.mul(tf.mul(x, tf.rsqrt(tf.add(mean, epsilon))), weight)
}

/** Rotates pairs (i, i + h/2) of x (R, n, T, h); cos and sin (R, 1, T, h/2) (Su et al. 2021, arXiv:2104.09864). */
export function rope(tf: Tf, x: Tensor4D, cos: Tensor4D, sin: Tensor4D): Tensor4D {
  const [a, b] = tf.split(x, 2, 3) as [Tensor4D, Tensor4D]
  const first: Tensor4D = tf.sub(tf.mul(a, cos), tf.mul(b, sin))
  const second: Tensor4D = tf.add(tf.mul(b, cos), tf.mul(a, sin))
  return tf.concat([first, second], 3)
}

/** silu(gate)·up (Shazeer 2020, arXiv:2002.05202). */
export function swiglu(tf: Tf, gate: Tensor2D, up: Tensor2D): Tensor2D {
  return tf.mul(tf.mul(gate, tf.sigmoid(gate)), up)
}
