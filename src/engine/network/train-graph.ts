/**
 * One graph for loss and gradients: decoder, cross-entropy on the labelled places, reverse-mode derivatives. Clipping and
 * AdamW run outside (loop/adamw.ts), because one pass in JavaScript is faster than a dozen elementwise nodes and nothing has
 * to be undone when a loss is not finite.
 */
import { CoveyError } from '../../base/errors.ts'
import type { AdapterLayout } from '../../types/adapter.ts'
import type { Distillation, PerExample, Precision } from '../../types/engine.ts'
import type { BaseModel } from '../../types/model.ts'
import { logProbability } from '../graph/elementwise.ts'
import { type EncodedGraph, Graph, type Value } from '../graph/graph.ts'
import { clippedGradients, type Product } from '../graph/per-example.ts'
import type { Slot } from '../loop/slots.ts'
import type { DropoutPlan } from './adapter-graph.ts'
import { distilledLoss } from './distillation.ts'
import { embeddingName } from './forward.ts'
import { outputHead, type SparseGradient } from './head.ts'
import { adapterOf } from './methods.ts'
import { forwardBehind } from './virtual-tokens.ts'
import { graphWeights } from './weights.ts'

export interface TrainGraph {
  readonly graph: EncodedGraph
  readonly slots: readonly Slot[]
  readonly size: number
  /** output name of each trained slot's dense gradient */
  readonly gradients: ReadonlyMap<string, string>
  readonly sparse: readonly SparseGradient[]
  readonly dropout: DropoutPlan | null
  /** runs feed a teacher's soft labels */
  readonly distilled: boolean
  /** gradients are sums of clipped ones, and runs feed who is where: `members` (R, K, T) */
  readonly perExample: boolean
}

/**
 * Inputs: ids (N), positions, segments (R, T), label_index, label_ids (L), shares (L, 1): each label's weight over
 * the sum of those of the whole step, dropout (modules, N) if any, one for each slot, and with
 * distillation those of distillation.ts. With `perExample` a share is a label's weight over the sum of those of its example. Outputs: `loss` = Σ shareᵢ·lossᵢ, where the loss of a label is its nll or the mixed
 * one, and the gradients.
 */
export function buildTrainGraph(
  model: BaseModel,
  slots: readonly Slot[],
  layout: AdapterLayout | null,
  precision: Precision,
  { distillation, perExample }: { readonly distillation?: Distillation; readonly perExample?: PerExample } = {},
): TrainGraph {
  const { config } = model
  const g = new Graph()
  const ids = g.input('ids', ['N'], 'int64')
  const positions = g.input('positions', ['R', 'T'], 'int64')
  const segments = g.input('segments', ['R', 'T'], 'int64')
  const labelIndex = g.input('label_index', ['L'], 'int64')
  const labelIds = g.input('label_ids', ['L'], 'int64')
  const shares = g.input('shares', ['L', 1])
  const parameters = new Map(
    slots.map((s) => [s.name, s.trained ? g.parameter(s.name, s.shape) : g.input(s.name, s.shape)]),
  )
  const apart: Product[] | undefined = perExample && []
  const adapter = layout
    ? adapterOf(g, { model, layout, values: parameters, trainedIndex: labelIndex, ...(apart && { apart }) })
    : null
  const weights = graphWeights(g, { model, precision, fed: layout ? new Map() : parameters, adapter })
  const inputs = { ids, positions, segments, index: labelIndex }
  const { embedded, hidden: h } = forwardBehind(g, config, weights, inputs, adapter?.virtual)
  adapter?.finish()

  const head = outputHead(g, config, weights, h)
  const p = g.op('Softmax', [head.logits], head.logits.shape, { attributes: { axis: { int: -1 } } })
  const column = g.op('Unsqueeze', [labelIds, g.ints([1])], ['L', 1], { type: 'int64' })
  const picked = g.op('GatherElements', [p, column], ['L', 1], { attributes: { axis: { int: 1 } } })
  const nll = g.op('Neg', [logProbability(g, picked)], ['L', 1])
  const { each, q, labelPart } = distillation
    ? distilledLoss(g, { logits: head.logits, p, nll }, distillation)
    : { each: nll, q: p, labelPart: 1 }
  const weighted = g.op('Mul', [each, shares], ['L', 1])
  const loss = g.op('ReduceSum', [weighted], [], { attributes: { keepdims: { int: 0 } } })

  const { seeds, sparse: labelRows, outputs: rows } = head.derivatives(q, labelIds, shares, labelPart)
  const outputs: Record<string, Value> = { loss, ...rows }
  const sparse: SparseGradient[] = [...labelRows]
  const derivatives = g.backward(seeds)
  if (g.differentiable(embedded)) {
    outputs.rows_ids = derivatives.get(embedded.name) as Value
    sparse.push({ slot: embeddingName(config), output: 'rows_ids', index: 'ids', scale: 1 })
  }
  const examples = apart && { grid: positions, members: g.input('members', ['R', 'K', 'T']), labelled: labelIndex }
  const clipped = perExample && examples && clippedGradients(g, apart, derivatives, examples, perExample.clip)
  const gradients = new Map<string, string>()
  for (const slot of slots) {
    const derivative = (clipped ?? derivatives).get(slot.name)
    if (!slot.trained || !derivative) continue
    outputs[`d:${slot.name}`] = derivative
    gradients.set(slot.name, `d:${slot.name}`)
  }
  if (gradients.size === 0) throw new CoveyError('E_ADAPTER', 'nothing is trained: expected factors A, B or both')
  const size = slots.reduce((n, s) => n + s.size, 0)
  const plan = { slots, size, gradients, sparse, dropout: adapter?.dropout ?? null }
  return {
    graph: g.encode(outputs, model.digest),
    ...plan,
    distilled: distillation !== undefined,
    perExample: perExample !== undefined,
  }
}
