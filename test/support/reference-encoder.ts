/** DistilBERT for the slow reference, both heads. */
import { layerNorm, linear } from './reference-layers.ts'
import {
  activate,
  addRows,
  type Matrix,
  map,
  type Reader,
  rows,
  type Settings,
  softmaxAttention,
} from './reference-math.ts'

/** (T, V) for masked tokens, (1, classes) for a classifier. */
export function referenceEncoderLogits(s: Settings, tensor: Reader, ids: readonly number[]): Matrix {
  const [D, H] = [s.number('dim'), s.number('n_heads')]
  const h = D / H
  const norm = (x: Matrix, name: string): Matrix => layerNorm(x, tensor, name, 1e-12)
  const at = 'distilbert.embeddings'
  const words = rows(tensor(`${at}.word_embeddings.weight`), D, ids)
  const places = rows(tensor(`${at}.position_embeddings.weight`), D, [...ids.keys()])
  let x = norm(addRows(words, places), `${at}.LayerNorm`)
  for (let i = 0; i < s.number('n_layers'); i++) {
    const layer = `distilbert.transformer.layer.${i}`
    const [q, k, v] = ['q_lin', 'k_lin', 'v_lin'].map((n) => linear(x, tensor, `${layer}.attention.${n}`, true)) as [
      Matrix,
      Matrix,
      Matrix,
    ]
    const outputs = Array.from({ length: H }, (_, n) => {
      const part = (m: Matrix): Matrix => m.map((row) => row.slice(n * h, (n + 1) * h))
      return softmaxAttention(part(q), part(k), part(v), { scale: h ** -0.5, cap: null, sees: () => true })
    })
    const joined = ids.map((_, t) => outputs.flatMap((o) => o[t] as number[]))
    x = norm(addRows(x, linear(joined, tensor, `${layer}.attention.out_lin`, true)), `${layer}.sa_layer_norm`)
    const up = map(linear(x, tensor, `${layer}.ffn.lin1`, true), (v) => activate(s.text('activation', 'gelu'), v))
    x = norm(addRows(x, linear(up, tensor, `${layer}.ffn.lin2`, true)), `${layer}.output_layer_norm`)
  }
  if (s.name === 'DistilBertForMaskedLM') {
    const act = map(linear(x, tensor, 'vocab_transform', true), (v) => activate(s.text('activation', 'gelu'), v))
    const bias = tensor('vocab_projector.bias')
    const logits = linear(norm(act, 'vocab_layer_norm'), tensor, `${at}.word_embeddings`)
    return logits.map((row) => row.map((v, i) => v + (bias[i] as number)))
  }
  const pooled = map(linear(x.slice(0, 1), tensor, 'pre_classifier', true), (v) => Math.max(v, 0))
  return linear(pooled, tensor, 'classifier', true)
}
