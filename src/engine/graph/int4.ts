/**
 * Products with frozen weights in 4 bits, as QLoRA has them (Dettmers et al. 2023, arXiv:2305.14314), with a linear code in
 * place of NF4: each run of BLOCK inputs of an output shares one float32 scale, 5 bits a weight in all. What is multiplied
 * with them stays in float32, and the derivative is that of the rounded weights: the same codes, made numbers when a step
 * needs them, one matrix at a time.
 */
import type { BaseModel, RoundedWeight } from '../../types/model.ts'
import { plus } from './elementwise.ts'
import { ELEMENT, type Graph, MICROSOFT, type Value } from './graph.ts'
import { gemm } from './ops.ts'

/** The smallest that ONNX Runtime's MatMulNBits takes at every speed; an outlier spoils its 31 neighbours only. */
export const INT4_BLOCK = 32
/** A code is 0 … 15 and stands for (code − MIDDLE)·scale; MatMulNBits assumes this middle. */
const MIDDLE = 8
const TOP = 15
/** What MatMulNBits takes on a processor without getting slow or wrong, largest first. */
const BLOCKS = [256, 128, 64, INT4_BLOCK, 16]
/** MatMulNBits: float32 sums of float32 products. */
const FLOAT32_ACCURACY = 1

/** W (out, in) in 4 bits. */
interface Int4Matrix {
  readonly outputs: number
  readonly inputs: number
  readonly blocks: number
  /** inputs that share a scale */
  readonly block: number
  /** (out, blocks, block/2) two codes a byte, the lower half first */
  readonly codes: Value
  /** (out, blocks) */
  readonly scales: Value
}

export class Int4Products {
  readonly #g: Graph
  readonly #model: Pick<BaseModel, 'tensor' | 'shape' | 'rounded'>
  readonly #matrices = new Map<string, Int4Matrix>()
  /** the last matrix that was rounded: its scales are written right after its codes */
  #last: { readonly name: string; readonly rounded: Rounded4 } | null = null

  constructor(g: Graph, model: Pick<BaseModel, 'tensor' | 'shape' | 'rounded'>) {
    this.#g = g
    this.#model = model
  }

  /** y = x·Wᵀ (+ rest); x (N, in), y (N, out). */
  linear(name: string, x: Value, rest?: Value): Value {
    const g = this.#g
    const m = this.#matrix(name)
    const attributes = {
      K: { int: m.inputs },
      N: { int: m.outputs },
      bits: { int: 4 },
      block_size: { int: m.block },
      accuracy_level: { int: FLOAT32_ACCURACY },
    }
    const [rows] = x.shape
    const y = g.op('MatMulNBits', [x, m.codes, m.scales], [rows as number | string, m.outputs], {
      domain: MICROSOFT,
      attributes,
    })
    g.record(y, [[x, (dy, sum) => gemm(g, dy, this.#numbers(m, dy), { plus: sum })]])
    return rest ? plus(g, y, rest) : y
  }

  /**
   * W (out, in) in float32, made when the graph runs, in plain operations: GatherBlockQuantized does the same in fifteen
   * times the time. @param dy anything whose shape is known only then
   */
  #numbers({ outputs, inputs, blocks, block, codes, scales }: Int4Matrix, dy: Value): Value {
    const g = this.#g
    const half = [outputs, blocks, block / 2]
    const op = (type: string, a: Value, b: Value, shape = a.shape): Value => g.op(type, [a, b], shape)
    const bytes = g.op('Cast', [this.#read(codes, dy)], half, { attributes: { to: { int: ELEMENT.float32 } } })
    const upper = g.op('Floor', [op('Mul', bytes, g.scalar(1 / 16))], half)
    const lower = op('Sub', bytes, op('Mul', upper, g.scalar(16)))
    const column = (v: Value): Value => g.op('Unsqueeze', [v, g.ints([3])], [...half, 1])
    const pairs = [...half, 2]
    const both = g.op('Concat', [column(lower), column(upper)], pairs, { attributes: { axis: { int: 3 } } })
    const scale = g.op('Reshape', [scales, g.ints([outputs, blocks, 1, 1])], [outputs, blocks, 1, 1])
    const numbers = op('Mul', op('Sub', both, g.scalar(MIDDLE)), scale)
    const width = blocks * block
    const all = g.op('Reshape', [numbers, g.ints([outputs, width])], [outputs, width])
    if (width === inputs) return all
    return g.op('Slice', [all, g.ints([0]), g.ints([inputs]), g.ints([1])], [outputs, inputs])
  }

  /** The codes, not as a constant: ONNX Runtime would make the numbers once, when it opens, and keep them in float32. */
  #read(codes: Value, dy: Value): Value {
    const g = this.#g
    const int64 = { type: 'int64' } as const
    const rows = g.op('Slice', [g.op('Shape', [dy], [2], int64), g.ints([0]), g.ints([1])], [1], int64)
    const zero = g.op('Sub', [rows, rows], [1], int64)
    const end = g.ints([codes.shape[0] as number])
    return g.op('Slice', [codes, zero, end, g.ints([0])], codes.shape, { type: 'uint8' })
  }

  #matrix(name: string): Int4Matrix {
    const known = this.#matrices.get(name)
    if (known) return known
    const [outputs, inputs] = this.#model.shape(name) as [number, number]
    const made = this.#stored(name, outputs, inputs) ?? this.#round(name, outputs, inputs)
    this.#matrices.set(name, made)
    return made
  }

  /** What the model's file has, byte for byte; a scale stands for each block of its group. */
  #stored(name: string, outputs: number, inputs: number): Int4Matrix | null {
    const stored = this.#model.rounded?.(name) ?? null
    const block = blockOf(stored)
    if (stored === null || block === null) return null
    const repeats = stored.group / block
    return this.#constants(name, outputs, inputs, block, {
      codes: () => stored.codes(),
      scales: () => repeated(stored.scales(), repeats),
    })
  }

  #round(name: string, outputs: number, inputs: number): Int4Matrix {
    const rounded = (): Rounded4 => {
      if (this.#last?.name === name) return this.#last.rounded
      const made = roundTo4Bits(this.#model.tensor(name), outputs, inputs)
      this.#last = { name, rounded: made }
      return made
    }
    return this.#constants(name, outputs, inputs, INT4_BLOCK, {
      codes: () => rounded().codes,
      scales: () => rounded().scales,
    })
  }

  #constants(
    name: string,
    outputs: number,
    inputs: number,
    block: number,
    read: { readonly codes: () => Uint8Array; readonly scales: () => Float32Array },
  ): Int4Matrix {
    const blocks = Math.ceil(inputs / block)
    const codes = this.#g.weight(`${name}:int4`, [outputs, blocks, block / 2], 'uint8', read.codes)
    const scales = this.#g.weight(`${name}:int4:scales`, [outputs, blocks], 'float32', read.scales)
    return { outputs, inputs, blocks, block, codes, scales }
  }
}

/** The block in which a stored matrix can be multiplied as it is; null when it is not in 4 bits, or its groups are of another kind. */
export function blockOf(stored: RoundedWeight | null): number | null {
  if (stored?.bits !== 4) return null
  return BLOCKS.find((block) => stored.group % block === 0) ?? null
}

/** Each number so many times. */
function repeated(numbers: Float32Array, times: number): Float32Array {
  if (times === 1) return numbers
  const out = new Float32Array(numbers.length * times)
  for (const [i, x] of numbers.entries()) out.fill(x, i * times, (i + 1) * times)
  return out
}

export interface Rounded4 {
  /** (out, blocks, BLOCK/2) */
  readonly codes: Uint8Array
  /** (out, blocks) */
  readonly scales: Float32Array
}

/** W (rows, columns) in blocks along the columns; the number of largest size in each block is code 0, exact up to its scale's rounding. */
export function roundTo4Bits(w: Float32Array, rows: number, columns: number): Rounded4 {
  const blocks = Math.ceil(columns / INT4_BLOCK)
  const codes = new Uint8Array((rows * blocks * INT4_BLOCK) / 2)
  const scales = new Float32Array(rows * blocks)
  for (let r = 0; r < rows; r++) {
    for (let b = 0; b < blocks; b++) {
      const begin = b * INT4_BLOCK
      const end = Math.min(begin + INT4_BLOCK, columns)
      let most = 0
      for (let c = begin; c < end; c++) {
        const x = w[r * columns + c] as number
        if (Math.abs(x) > Math.abs(most)) most = x
      }
      const at = r * blocks + b
      const scale = Math.fround(most / -MIDDLE)
      scales[at] = scale
      for (let c = begin; c < begin + INT4_BLOCK; c++) {
        const x = c < end ? (w[r * columns + c] as number) : 0
        const code = scale === 0 ? MIDDLE : Math.min(TOP, Math.max(0, Math.round(x / scale) + MIDDLE))
        const byte = (at * INT4_BLOCK + c - begin) >> 1
        codes[byte] = (codes[byte] as number) | (code << ((c & 1) * 4))
      }
    }
  }
  return { codes, scales }
}
