/** The last product: logits with bias and soft cap, and the derivatives of the cross-entropy behind them. */
import type { ModelConfig } from '../../types/model.ts'
import { columnSums } from '../graph/elementwise.ts'
import type { Graph, Value } from '../graph/graph.ts'
import { gemm, rowsOf } from '../graph/ops.ts'
import { headName } from './forward.ts'
import type { GraphWeights } from './weights.ts'

/** A part of a table's gradient that comes as rows: `scale`·row i is added to row index[i]. */
export interface SparseGradient {
  readonly slot: string
  readonly output: string
  readonly index: 'ids' | 'label_ids'
  readonly scale: 1 | -1
}

/** What `Σ shareᵢ·lossᵢ` gives behind the logits. */
export interface HeadDerivatives {
  readonly seeds: readonly (readonly [value: Value, derivative: Value])[]
  readonly sparse: readonly SparseGradient[]
  /** what `sparse` reads, by output name */
  readonly outputs: Readonly<Record<string, Value>>
}

export interface OutputHead {
  /** (L, V) */
  readonly logits: Value
  /**
   * Of Σ shareᵢ·lossᵢ, where lossᵢ by the logits is p − labelPart·onehot.
   * @param p (L, V) softmax of the logits, if the loss is −log p of the label; labelIds (L); shares (L, 1)
   */
  derivatives(p: Value, labelIds: Value, shares: Value, labelPart?: number): HeadDerivatives
}

/** @param h (L, D) */
export function outputHead(g: Graph, config: ModelConfig, weights: GraphWeights, h: Value): OutputHead {
  const name = headName(config)
  const products = weights.head(name)
  const mul = (a: Value, b: Value, shape = a.shape): Value => g.op('Mul', [a, b], shape)
  const biasName = config.plain?.head?.bias
  const bias = biasName === undefined ? null : weights.weight(biasName)
  const linear = products.logits(h)
  const raw = bias ? g.op('Add', [linear, bias], linear.shape) : linear
  const cap = config.logitSoftcap
  const bent = cap === undefined ? null : g.op('Tanh', [mul(raw, g.scalar(1 / cap))], raw.shape)
  const logits = bent && cap !== undefined ? mul(bent, g.scalar(cap)) : raw
  return {
    logits,
    derivatives(p, labelIds, shares, labelPart = 1) {
      const table = weights.weight(name)
      // the slope of the cap, for all logits and for the label's
      const slope = bent ? g.op('Sub', [g.scalar(1), mul(bent, bent)], bent.shape) : null
      const column = slope ? g.op('Unsqueeze', [labelIds, g.ints([1])], ['L', 1], { type: 'int64' }) : null
      const own = slope ? g.op('GatherElements', [slope, column], ['L', 1], { attributes: { axis: { int: 1 } } }) : null
      const q = slope ? mul(p, slope) : p
      const ofLabel = (x: Value): Value => (labelPart === 1 ? x : mul(x, g.scalar(labelPart)))
      const labelRows = ofLabel(rowsOf(g, table, labelIds))
      // d(logits) = share·(p − onehot) is never made: p·head − head[label] is the same with no second (L, V) array
      const away = g.op('Sub', [products.back(q), own ? mul(labelRows, own) : labelRows], h.shape)
      const seeds: [Value, Value][] = [[h, mul(away, shares)]]
      const sparse: SparseGradient[] = []
      const outputs: Record<string, Value> = {}
      const scatter = (slot: string, output: string, rows: Value): void => {
        outputs[output] = ofLabel(own ? mul(rows, own) : rows)
        sparse.push({ slot, output, index: 'label_ids', scale: -1 })
      }
      if (g.differentiable(table)) {
        const weighted = mul(h, shares)
        seeds.push([table, gemm(g, q, weighted, { transA: true })])
        scatter(name, 'rows_label_ids', weighted)
      }
      if (bias && biasName !== undefined && g.differentiable(bias)) {
        seeds.push([bias, columnSums(g, mul(q, shares))])
        scatter(biasName, 'rows_bias', shares)
      }
      return { seeds, sparse, outputs }
    },
  }
}
