/** Loss and gradient with ONNX Runtime: one session run a batch. */
import type { InferenceSession, Tensor } from 'onnxruntime-node'
import { CoveyError } from '../../base/errors.ts'
import type { TrainerOptions } from '../../types/engine.ts'
import type { EncodedGraph } from '../graph/graph.ts'
import { dropoutRows } from '../loop/dropout.ts'
import { membersOf } from '../loop/members.ts'
import { adapterSlots, modelSlots } from '../loop/slots.ts'
import type { GradientCall, GradientSource } from '../loop/trainer.ts'
import { buildTrainGraph, type TrainGraph } from '../network/train-graph.ts'
import { type Feeds, floatTensor, intTensor, runSession } from './session.ts'

export type TrainPlan = Omit<TrainGraph, 'graph'>

/** The graph of what is to be trained. @throws CoveyError E_MODEL_SHAPE | E_ADAPTER | E_ENGINE */
export function planTraining({
  model,
  trainable,
  precision = 'fp32',
  distillation,
  perExample,
}: Pick<TrainerOptions, 'model' | 'trainable' | 'precision' | 'distillation' | 'perExample'>): {
  graph: EncodedGraph
  plan: TrainPlan
} {
  if (perExample && trainable.kind !== 'lora') {
    throw new CoveyError('E_ARGUMENT', 'gradients are clipped example by example for the factors of LoRA only')
  }
  const layout = trainable.kind === 'full' ? null : trainable.layout
  const factors = trainable.kind === 'lora' ? trainable.factors : null
  const directions = trainable.kind === 'lora' ? trainable.directions : undefined
  const slots = layout ? adapterSlots(layout, factors, directions) : modelSlots(model)
  const { graph, ...plan } = buildTrainGraph(model, slots, layout, precision, {
    ...(distillation && { distillation }),
    ...(perExample && { perExample }),
  })
  return { graph, plan }
}

export class OnnxGradients implements GradientSource {
  readonly #session: InferenceSession
  readonly #plan: TrainPlan
  readonly #parameters: Feeds

  constructor(session: InferenceSession, plan: TrainPlan, theta: Float32Array) {
    this.#session = session
    this.#plan = plan
    // views: an update in place is what the next run reads
    this.#parameters = Object.fromEntries(
      plan.slots.map((s) => [s.name, floatTensor(theta.subarray(s.offset, s.offset + s.size), s.shape)]),
    )
  }

  async accumulate({ batch, labels, shares, draw, first }: GradientCall, gradient: Float32Array): Promise<number> {
    const { slots, gradients, sparse, dropout, perExample } = this.#plan
    const n = batch.rows * batch.length
    const grid = [batch.rows, batch.length]
    const feeds: Feeds = {
      ...this.#parameters,
      ids: intTensor(batch.ids, [n]),
      positions: intTensor(batch.positions, grid),
      segments: intTensor(batch.segments, grid),
      label_index: intTensor(labels.index, [labels.index.length]),
      label_ids: intTensor(labels.ids, [labels.ids.length]),
      shares: floatTensor(shares, [shares.length, 1]),
    }
    if (labels.soft) {
      const { width, ids, probabilities, rest } = labels.soft
      feeds.teacher_ids = intTensor(ids, [rest.length, width])
      feeds.teacher_probabilities = floatTensor(probabilities, [rest.length, width])
      feeds.teacher_rest = floatTensor(rest, [rest.length, 1])
    }
    if (perExample) {
      const { members, most } = membersOf(batch)
      feeds.members = floatTensor(members, [batch.rows, most, batch.length])
    }
    if (dropout) {
      const rows = dropoutRows(draw, dropout.modules, n)
      feeds[dropout.input] = floatTensor(rows, [dropout.modules, n])
    }
    const names = ['loss', ...gradients.values(), ...sparse.map((s) => s.output)]
    const out = await runSession(this.#session, feeds, names)
    const numbers = (name: string): Float32Array => (out[name] as Tensor).data as Float32Array
    const offsets = new Map(slots.map((s) => [s.name, s.offset]))
    for (const slot of slots) {
      if (!slot.trained) continue
      const name = gradients.get(slot.name)
      const into = gradient.subarray(slot.offset, slot.offset + slot.size)
      if (first) {
        if (name) into.set(numbers(name))
        else into.fill(0)
      } else if (name) {
        const d = numbers(name)
        for (let i = 0; i < d.length; i++) into[i] = (into[i] as number) + (d[i] as number)
      }
    }
    for (const { slot, output, index: which, scale } of sparse) {
      const rows = numbers(output)
      const ids = which === 'ids' ? batch.ids : labels.ids
      const width = rows.length / ids.length
      const base = offsets.get(slot) as number
      for (let r = 0; r < ids.length; r++) {
        const at = base + (ids[r] as number) * width
        for (let j = 0; j < width; j++)
          gradient[at + j] = (gradient[at + j] as number) + scale * (rows[r * width + j] as number)
      }
    }
    return numbers('loss')[0] as number
  }

  async close(): Promise<void> {
    await this.#session.release()
  }
}
