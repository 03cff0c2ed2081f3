/**
 * A student's loss on labels and on what its teacher says (Hinton, Vinyals, Dean 2015, arXiv:1503.02531). The teacher's
 * probabilities t come for its likeliest tokens K; the rest is one more token of both, so that with s = softmax(logits/T)
 *
 *   KL = Σ_K t·log(t/s) + t_rest·log(t_rest/s_rest),   dKL/d(logits/T) = s − t in K, s·(1 − t_rest/s_rest) outside:
 *
 * the derivative of the whole divergence from a teacher that deals its rest as the student does. By the data-processing
 * inequality it is never more than the divergence over all tokens; with K all tokens it is that.
 */
import type { Distillation } from '../../types/engine.ts'
import { aboveZero, logProbability } from '../graph/elementwise.ts'
import type { Graph, Value } from '../graph/graph.ts'

export interface MixedLoss {
  /** (L, 1) loss of each label */
  readonly each: Value
  /** (L, V) its derivative by the logits, but for the label's own part */
  readonly q: Value
  /** q − labelPart·onehot is the whole derivative */
  readonly labelPart: number
}

/**
 * Inputs: teacher_ids, teacher_probabilities (L, K), teacher_rest (L, 1).
 * @param student logits, p = softmax(logits) (L, V); nll (L, 1) of the labels
 */
export function distilledLoss(
  g: Graph,
  { logits, p, nll }: { readonly logits: Value; readonly p: Value; readonly nll: Value },
  { temperature, mix }: Distillation,
): MixedLoss {
  const ids = g.input('teacher_ids', ['L', 'K'], 'int64')
  const t = g.input('teacher_probabilities', ['L', 'K'])
  const rest = g.input('teacher_rest', ['L', 1])
  const op = (type: string, a: Value, b: Value): Value => g.op(type, [a, b], a.shape)
  const scaled = (x: Value, by: number): Value => (by === 1 ? x : op('Mul', x, g.scalar(by)))
  const column = { attributes: { axis: { int: 1 } } }
  const sum = (x: Value): Value =>
    g.op('ReduceSum', [x, g.ints([1])], ['L', 1], { attributes: { keepdims: { int: 1 } } })
  const softmax = { attributes: { axis: { int: -1 } } }

  const s = temperature === 1 ? p : g.op('Softmax', [scaled(logits, 1 / temperature)], logits.shape, softmax)
  const likely = g.op('GatherElements', [s, ids], ['L', 'K'], column)
  // a sum of what is small: 1 − Σ likely would be rounding where the student is sure
  const others = g.op('ScatterElements', [s, ids, op('Sub', likely, likely)], s.shape, column)
  const otherMass = sum(others)
  const divergence = (from: Value, to: Value): Value =>
    op('Mul', from, op('Sub', logProbability(g, from), logProbability(g, to)))
  const kl = op('Add', sum(divergence(t, likely)), divergence(rest, otherMass))

  // T² of the loss, times 1/T of the logits
  const slope = mix * temperature
  const keep = scaled(g.op('Sub', [g.scalar(1), op('Div', rest, aboveZero(g, otherMass))], ['L', 1]), slope)
  const taught = g.op(
    'ScatterElements',
    [op('Mul', others, keep), ids, scaled(op('Sub', likely, t), slope)],
    s.shape,
    column,
  )
  return {
    each: op('Add', scaled(nll, 1 - mix), scaled(kl, mix * temperature ** 2)),
    q: op('Add', scaled(p, 1 - mix), taught),
    labelPart: 1 - mix,
  }
}
