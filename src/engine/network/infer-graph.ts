/**
 * One graph for scoring and for decoding with a KV cache. Scoring feeds a cache of length 0 and reads `nll` and `best`;
 * decoding also reads `logits` and the grown cache. What a run does not fetch stays inside ONNX Runtime.
 */
import type { AdapterLayout } from '../../types/adapter.ts'
import type { BaseModel } from '../../types/model.ts'
import { type EncodedGraph, Graph, type Value } from '../graph/graph.ts'
import { outputHead } from './head.ts'
import { adapterOf } from './methods.ts'
import { forwardBehind } from './virtual-tokens.ts'
import { graphWeights } from './weights.ts'

/**
 * Inputs: ids (N), positions, segments (R, T), key_segments, key_positions (R, S), past_keys_i, past_values_i (R, K, P, h),
 * index (L) places in N that reach the head, targets (L), the adapter's tensors by name, and SWITCH if its method has one.
 * Outputs: nll (L) = −log p(target), best (L) = argmax, logits (L, V), keys_i, values_i (R, K, S, h).
 */
export function buildInferGraph(model: BaseModel, layout: AdapterLayout | null): EncodedGraph {
  const { config } = model
  const g = new Graph()
  const past = (name: string): Value[] =>
    Array.from({ length: config.layers }, (_, i) => g.input(`${name}_${i}`, ['R', config.kvHeads, 'P', config.headDim]))
  const inputs = {
    ids: g.input('ids', ['N'], 'int64'),
    positions: g.input('positions', ['R', 'T'], 'int64'),
    segments: g.input('segments', ['R', 'T'], 'int64'),
    index: g.input('index', ['L'], 'int64'),
    past: {
      segments: g.input('key_segments', ['R', 'S'], 'int64'),
      positions: g.input('key_positions', ['R', 'S'], 'int64'),
      keys: past('past_keys'),
      values: past('past_values'),
    },
  }
  const targets = g.input('targets', ['L'], 'int64')
  const trained = new Map(layout?.entries.map((e) => [e.name, g.input(e.name, e.shape)]))
  const adapter = layout ? adapterOf(g, { model, layout, values: trained, trainedIndex: null }) : null
  // sums are float32 whatever the weights are stored in: voters have to agree about a quantized base, too
  const weights = graphWeights(g, { model, precision: 'stored', fed: new Map(), adapter })
  const { hidden: h, keys, values } = forwardBehind(g, config, weights, inputs, adapter?.virtual)
  adapter?.finish()
  const { logits } = outputHead(g, config, weights, h)
  const logP = g.op('LogSoftmax', [logits], logits.shape, { attributes: { axis: { int: -1 } } })
  const column = g.op('Unsqueeze', [targets, g.ints([1])], ['L', 1], { type: 'int64' })
  const picked = g.op('GatherElements', [logP, column], ['L', 1], { attributes: { axis: { int: 1 } } })
  const nll = g.op('Neg', [g.op('Squeeze', [picked, g.ints([1])], ['L'])], ['L'])
  const best = g.op('ArgMax', [logits], ['L'], {
    type: 'int64',
    attributes: { axis: { int: 1 }, keepdims: { int: 0 } },
  })
  const outputs: Record<string, Value> = { nll, best, logits }
  for (const [i, k] of keys.entries()) outputs[`keys_${i}`] = k
  for (const [i, v] of values.entries()) outputs[`values_${i}`] = v
  return g.encode(outputs, model.digest)
}
