/**
 * Rotary positions, Su et al. 2021 (arXiv:2104.09864): which angle pair i of a head has at position t. The tables are made
 * when the graph runs, for the places of that run: a table of every position of a long context would be the largest
 * constant of a small model.
 */
import type { ModelConfig, RopeScaling } from '../../types/model.ts'
import type { Graph, Value } from '../graph/graph.ts'
import { MICROSOFT } from '../graph/graph.ts'
import { add } from '../graph/ops.ts'
import { placesOf } from './attention.ts'

/** Pair i turns by frequencies[i] a token; cos and sin are multiplied with `magnitude`. */
export interface Rotation {
  readonly frequencies: readonly number[]
  readonly magnitude: number
}

/** Of the layers without a window, or (`local`) of those with one. */
export function rotationOf(config: ModelConfig, local: boolean): Rotation {
  const dim = config.rope?.dim ?? config.headDim
  const ownTheta = local ? config.window?.ropeTheta : undefined
  const theta = ownTheta ?? config.ropeTheta
  const plain = Array.from({ length: dim / 2 }, (_, i) => theta ** ((-2 * i) / dim))
  const scaling = ownTheta === undefined ? config.rope?.scaling : undefined
  if (!scaling) return { frequencies: plain, magnitude: 1 }
  const magnitude = scaling.kind === 'yarn' || scaling.kind === 'longrope' ? scaling.magnitude : 1
  return { frequencies: stretched(plain, scaling, theta), magnitude }
}

function stretched(plain: readonly number[], s: RopeScaling, theta: number): number[] {
  switch (s.kind) {
    case 'linear':
      return plain.map((f) => f / s.factor)
    case 'longrope':
      return plain.map((f, i) => f / (s.shortFactors[i] as number))
    case 'llama3':
      // slow turns are stretched, fast ones kept, those between mixed by how often they turn within the first context
      return plain.map((f) => {
        const turns = (f * s.originalPositions) / (2 * Math.PI)
        const share = (turns - s.lowFrequencyFactor) / (s.highFrequencyFactor - s.lowFrequencyFactor)
        return mix(f / s.factor, f, clamp(share))
      })
    case 'yarn': {
      // Peng et al. 2023 (arXiv:2309.00071), section 3.2, with the borders at whole pairs as transformers has them
      const dim = 2 * plain.length
      const pairOf = (turns: number): number =>
        (dim * Math.log(s.originalPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta))
      const low = Math.max(Math.floor(pairOf(s.betaFast)), 0)
      const high = Math.min(Math.ceil(pairOf(s.betaSlow)), dim - 1)
      const span = high === low ? 0.001 : high - low
      return plain.map((f, i) => mix(f, f / s.factor, clamp((i - low) / span)))
    }
  }
}

const clamp = (x: number): number => Math.min(Math.max(x, 0), 1)
/** a at share 0, b at 1 */
const mix = (a: number, b: number, share: number): number => (1 - share) * a + share * b

/** (N, dim/2) each: a row for each place of the run. */
export interface RopeTables {
  readonly cos: Value
  readonly sin: Value
  readonly minusSin: Value
  /** (R, T) the row of a place */
  readonly places: Value
  /** dimensions of a head that turn */
  readonly dim: number
}

/** @param positions (R, T) */
export function ropeTables(g: Graph, positions: Value, { frequencies, magnitude }: Rotation): RopeTables {
  const half = frequencies.length
  const N = placesOf(positions)
  const column = g.op('Reshape', [positions, g.ints([-1, 1])], [N, 1], { type: 'int64' })
  const double = (v: Value): Value => g.op('Cast', [v], v.shape, { type: 'float64', attributes: { to: { int: 11 } } })
  // a float32 angle at position 10⁵ is off by 10⁻²: angles are kept in float64 until whole turns are gone
  const coarse = Float32Array.from(frequencies)
  const rest = Float32Array.from(frequencies, (f, i) => f - (coarse[i] as number))
  const both = [coarse, rest].map((part) => double(g.constant(part, [1, half])))
  const exact = g.op('Add', both, [1, half], { type: 'float64' })
  const angle = g.op('Mul', [double(column), exact], [N, half], { type: 'float64' })
  const turn = double(g.scalar(Math.fround(2 * Math.PI)))
  const turnRest = double(g.scalar(2 * Math.PI - Math.fround(2 * Math.PI)))
  const whole = g.op('Add', [turn, turnRest], [], { type: 'float64' })
  const turns = g.op('Floor', [g.op('Div', [angle, whole], angle.shape, { type: 'float64' })], angle.shape, {
    type: 'float64',
  })
  const gone = g.op('Mul', [turns, whole], angle.shape, { type: 'float64' })
  const within = g.op('Cast', [g.op('Sub', [angle, gone], angle.shape, { type: 'float64' })], angle.shape, {
    attributes: { to: { int: 1 } },
  })
  const sized = (v: Value): Value => (magnitude === 1 ? v : g.op('Mul', [v, g.scalar(magnitude)], v.shape))
  const sin = sized(g.op('Sin', [within], within.shape))
  const shape = g.op('Shape', [positions], [2], { type: 'int64' })
  const count = g.op('Size', [positions], [], { type: 'int64' })
  const zero = g.op('Sub', [count, count], [], { type: 'int64' })
  const one = g.op('Squeeze', [g.ints([1])], [], { type: 'int64' })
  const numbers = g.op('Range', [zero, count, one], [N], { type: 'int64' })
  return {
    cos: sized(g.op('Cos', [within], within.shape)),
    sin,
    minusSin: g.op('Neg', [sin], sin.shape),
    places: g.op('Reshape', [numbers, shape], positions.shape, { type: 'int64' }),
    dim: 2 * half,
  }
}

/** Turns the first `dim` numbers of each head, halves against each other as Hugging Face does. x (R, heads, T, headDim). */
export function rope(g: Graph, x: Value, { cos, sin, minusSin, places, dim }: RopeTables): Value {
  const [, heads, , width] = x.shape as [unknown, number, unknown, number]
  const attributes = dim === width ? {} : { rotary_embedding_dim: { int: dim }, num_heads: { int: heads } }
  const turn = (v: Value, s: Value): Value =>
    g.op('RotaryEmbedding', [v, places, cos, s], v.shape, { domain: MICROSOFT, attributes })
  // the inverse turn, and not divided by the magnitude: the transpose of what went forward
  return g.record(turn(x, sin), [[x, (dy, sum) => add(g, turn(dy, minusSin), sum)]])
}
