/**
 * The decoder behind virtual tokens. They see only each other, so what they become does not depend on the text: the keys
 * and values of a prompt's embeddings are computed once for all rows, and from there on a prompt is a prefix.
 */
import type { ModelConfig } from '../../types/model.ts'
import type { Graph, Value } from '../graph/graph.ts'
import type { VirtualTokens } from './adapter-graph.ts'
import type { DecoderInputs, DecoderOutputs, DecoderWeights, Prefix } from './attention.ts'
import { forward } from './forward.ts'

/** `forward`, each text behind the virtual tokens: its positions begin where theirs end, as in PEFT. */
export function forwardBehind(
  g: Graph,
  config: ModelConfig,
  weights: DecoderWeights,
  inputs: DecoderInputs,
  virtual: VirtualTokens | undefined,
): DecoderOutputs {
  if (!virtual) return forward(g, config, weights, inputs)
  const { tokens, on } = virtual
  const many = g.ints([tokens])
  const by = on ? g.op('Mul', [many, g.op('Cast', [on], [], INT64)], [1], { type: 'int64' }) : many
  const shifted = (positions: Value): Value => g.op('Add', [positions, by], positions.shape, { type: 'int64' })
  const { past } = inputs
  return forward(g, config, weights, {
    ...inputs,
    positions: shifted(inputs.positions),
    ...(past && { past: { ...past, positions: shifted(past.positions) } }),
    prefix: prefixOf(g, config, weights, virtual),
  })
}

const INT64 = { type: 'int64', attributes: { to: { int: 7 } } } as const

function prefixOf(g: Graph, config: ModelConfig, weights: DecoderWeights, virtual: VirtualTokens): Prefix {
  if ('keys' in virtual) return virtual
  const { tokens, on, embeddings } = virtual
  const places = Int32Array.from({ length: tokens }, (_, i) => i)
  const grid = (data: ArrayLike<number>): Value => g.constant(BigInt64Array.from(Array.from(data), BigInt), [1, tokens])
  const { keys, values } = forward(g, config, weights, {
    embedded: embeddings,
    positions: grid(places),
    segments: grid(new Int32Array(tokens).fill(1)),
    index: g.ints([tokens - 1]),
  })
  return { tokens, on, keys, values }
}
