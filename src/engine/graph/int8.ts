/**
 * Products with frozen weights in 8 bits, forwards and backwards: SwitchBack, Wortsman et al. 2023 (arXiv:2304.13013), with
 * the weight's own gradient left out, since the weight does not move. A weight has a scale for each output column; what
 * is multiplied with it has one for the whole matrix, found when the graph runs (ONNX's DynamicQuantizeLinear).
 *
 * A weight whose file has 8-bit codes with one scale an output is not rounded again. Forwards that is the graph's own scheme.
 * Backwards a scale an output is one a row, not one a column: dy's columns are multiplied with the scales before they are
 * rounded, and the codes go in as they are.
 */

import type { BaseModel } from '../../types/model.ts'
import { plus } from './elementwise.ts'
import { type Graph, MICROSOFT, type Value } from './graph.ts'
import { add } from './ops.ts'

/** Symmetric: −127 … 127. */
const MOST = 127
/** Rows that are turned at once: a block of them and of columns stays in the processor's nearest cache. */
const BLOCK = 64

/** A matrix (in, out) in 8 bits, column j standing for values·scales[j]. */
interface Int8Matrix {
  readonly values: Value
  readonly scales: Value
  /** (rows of the matrix): what is multiplied with it is multiplied with these first, column by column */
  readonly before?: Value
}

/** A matrix in 8 bits with one scale: (values − zero)·scale. */
interface Int8Activation {
  readonly values: Value
  readonly scale: Value
  readonly zero: Value
}

export class Int8Products {
  readonly #g: Graph
  readonly #model: Pick<BaseModel, 'tensor' | 'shape' | 'rounded'>
  readonly #matrices = new Map<string, Int8Matrix>()
  /** what several layers read (q, k and v; gate and up) is rounded once */
  readonly #activations = new Map<string, Int8Activation>()
  /** the last matrix that was rounded: its scales are written right after its values */
  #last: { readonly key: string; readonly rounded: Rounded } | null = null

  constructor(g: Graph, model: Pick<BaseModel, 'tensor' | 'shape' | 'rounded'>) {
    this.#g = g
    this.#model = model
  }

  /** y = x·Wᵀ (+ rest); x (N, in), W (out, in), y (N, out). The derivative dx = dy·W is in 8 bits as well. */
  linear(name: string, x: Value, rest?: Value): Value {
    const g = this.#g
    const y = this.forward(name, x)
    g.record(y, [[x, (dy, sum) => add(g, this.backward(name, dy), sum)]])
    return rest ? plus(g, y, rest) : y
  }

  /** x·Wᵀ (N, out); no derivative is recorded. */
  forward(name: string, x: Value): Value {
    return this.#product(x, this.#matrix(name, 'forward'))
  }

  /** dy·W (N, in); no derivative is recorded. */
  backward(name: string, dy: Value): Value {
    return this.#product(dy, this.#matrix(name, 'backward'))
  }

  #product(x: Value, { values, scales, before }: Int8Matrix): Value {
    const a = this.#rounded(before ? this.#g.op('Mul', [x, before], x.shape) : x)
    const [rows] = x.shape
    return this.#g.op(
      'MatMulIntegerToFloat',
      [a.values, values, a.scale, scales, a.zero],
      [rows as number | string, values.shape[1] as number],
      { domain: MICROSOFT },
    )
  }

  #rounded(x: Value): Int8Activation {
    const known = this.#activations.get(x.name)
    if (known) return known
    const [values, scale, zero] = this.#g.ops('DynamicQuantizeLinear', [x], [x.shape, [], []], {
      type: ['uint8', 'float32', 'uint8'],
    }) as [Value, Value, Value]
    const made = { values, scale, zero }
    this.#activations.set(x.name, made)
    return made
  }

  #matrix(name: string, way: 'forward' | 'backward'): Int8Matrix {
    const key = `${name}:${way}`
    const known = this.#matrices.get(key)
    if (known) return known
    const [outputs, inputs] = this.#model.shape(name) as [number, number]
    const made = this.#stored(name, way, outputs, inputs) ?? this.#round(key, name, way, outputs, inputs)
    this.#matrices.set(key, made)
    return made
  }

  /** What the model's file has; null when it is not in 8 bits, or has several scales an output. */
  #stored(name: string, way: 'forward' | 'backward', outputs: number, inputs: number): Int8Matrix | null {
    const stored = this.#model.rounded?.(name) ?? null
    if (stored?.bits !== 8 || stored.group !== inputs) return null
    const g = this.#g
    const scales = g.weight(`${name}:${way}:scales`, [outputs], 'float32', () => stored.scales())
    const codes = (): Int8Array => aroundZero(stored.codes())
    if (way === 'forward') {
      const values = g.weight(`${name}:forward`, [inputs, outputs], 'int8', () => transposed(codes(), outputs, inputs))
      return { values, scales }
    }
    const values = g.weight(`${name}:backward`, [outputs, inputs], 'int8', codes)
    return { values, scales: g.scalar(1), before: scales }
  }

  #round(key: string, name: string, way: 'forward' | 'backward', outputs: number, inputs: number): Int8Matrix {
    const shape = way === 'forward' ? [inputs, outputs] : [outputs, inputs]
    const rounded = (): Rounded => {
      if (this.#last?.key === key) return this.#last.rounded
      const data = this.#model.tensor(name)
      const made = way === 'forward' ? turned(data, outputs, inputs) : upright(data, outputs, inputs)
      this.#last = { key, rounded: made }
      return made
    }
    return {
      values: this.#g.weight(key, shape, 'int8', () => rounded().values),
      scales: this.#g.weight(`${key}:scales`, [shape[1] as number], 'float32', () => rounded().scales),
    }
  }
}

interface Rounded {
  readonly values: Int8Array
  readonly scales: Float32Array
}

/** W (out, in) as it stands, a scale for each of the `in` columns. */
function upright(data: Float32Array, rows: number, columns: number): Rounded {
  const scales = new Float32Array(columns)
  for (let r = 0; r < rows; r++) {
    const at = r * columns
    for (let c = 0; c < columns; c++) {
      const size = Math.abs(data[at + c] as number)
      if (size > (scales[c] as number)) scales[c] = size
    }
  }
  const inverse = finish(scales)
  const values = new Int8Array(data.length)
  for (let r = 0; r < rows; r++) {
    const at = r * columns
    for (let c = 0; c < columns; c++) values[at + c] = Math.round((data[at + c] as number) * (inverse[c] as number))
  }
  return { values, scales }
}

/** W (out, in) turned to (in, out), a scale for each of the `out` columns. */
function turned(data: Float32Array, rows: number, columns: number): Rounded {
  const scales = new Float32Array(rows)
  for (let r = 0; r < rows; r++) {
    let most = 0
    for (let i = r * columns; i < (r + 1) * columns; i++) most = Math.max(most, Math.abs(data[i] as number))
    scales[r] = most
  }
  const inverse = finish(scales)
  const values = new Int8Array(data.length)
  for (let r = 0; r < rows; r++) {
    const by = inverse[r] as number
    for (let i = r * columns; i < (r + 1) * columns; i++) values[i] = Math.round((data[i] as number) * by)
  }
  return { values: transposed(values, rows, columns), scales }
}

/** (rows, columns) turned to (columns, rows). */
function transposed(values: Int8Array, rows: number, columns: number): Int8Array {
  const out = new Int8Array(values.length)
  for (let r0 = 0; r0 < rows; r0 += BLOCK)
    for (let c0 = 0; c0 < columns; c0 += BLOCK)
      for (let r = r0; r < Math.min(r0 + BLOCK, rows); r++)
        for (let c = c0; c < Math.min(c0 + BLOCK, columns); c++) out[c * rows + r] = values[r * columns + c] as number
  return out
}

/** Codes around 128 as ONNX's signed ones, in place: the sign bit is turned over. */
function aroundZero(codes: Uint8Array): Int8Array {
  for (let i = 0; i < codes.length; i++) codes[i] = (codes[i] as number) ^ 0x80
  return new Int8Array(codes.buffer, codes.byteOffset, codes.length)
}

/** Turns largest sizes into scales, in place; returns their inverses, 0 for a column of zeros. */
function finish(scales: Float32Array): Float64Array {
  const inverse = new Float64Array(scales.length)
  for (const [i, most] of scales.entries()) {
    scales[i] = most / MOST
    inverse[i] = most === 0 ? 0 : MOST / most
  }
  return inverse
}
