/** Tokens before every text. Prefix: keys and values, learnt. Prompt: embeddings, which the model makes keys and values of. */

import { columns } from '../../graph/elementwise.ts'
import { reshape, transpose } from '../../graph/ops.ts'
import type { MethodGraph } from '../adapter-graph.ts'

/** Li and Liang 2021 (arXiv:2101.00190). */
export const prefix: MethodGraph<'prefix'> = ({ g, model, layout, value, switchedOn }) => {
  const { layers, kvHeads: K, headDim: h } = model.config
  const { tokens } = layout.virtual
  const matrix = value('prompt_embeddings')
  /** n-th of keys and values of all layers: (tokens, K·h) to (1, K, tokens, h) */
  const part = (n: number) => {
    const flat = columns(g, matrix, n * K * h, K * h)
    const heads = reshape(g, flat, [tokens, K, h], [tokens, K, h], [tokens, K * h])
    return reshape(g, transpose(g, heads, [1, 0, 2]), [1, K, tokens, h], [1, K, tokens, h], [K, tokens, h])
  }
  const list = (first: number) => Array.from({ length: layers }, (_, i) => part(2 * i + first))
  return { virtual: { tokens, on: switchedOn(), keys: list(0), values: list(1) } }
}

/** Lester et al. 2021 (arXiv:2104.08691). */
export const prompt: MethodGraph<'prompt'> = ({ layout, value, switchedOn }) => ({
  virtual: { tokens: layout.virtual.tokens, on: switchedOn(), embeddings: value('prompt_embeddings') },
})
