/**
 * A builder of ONNX graphs with reverse-mode differentiation. Values carry symbolic shapes, so that one session serves
 * batches of any number of rows, and ONNX Runtime can plan buffers although it does not know the numbers.
 * Format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
 */
import onnxProto, { type onnx as Onnx } from 'onnx-proto'
import { bytesOf } from '../../base/bytes.ts'
import { digestOfJson } from '../../base/canonical.ts'
import { CoveyError } from '../../base/errors.ts'

const { onnx } = onnxProto

/** A number, or the name of a dimension that is known when the graph runs. */
export type Dim = number | string

/** ONNX element types that the engine uses, by their number in TensorProto.DataType. */
export const ELEMENT = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float64: 11 } as const
export type ElementType = keyof typeof ELEMENT

export interface Value {
  readonly name: string
  readonly shape: readonly Dim[]
  readonly type: ElementType
}

/** ONNX tells whole from real attributes, JavaScript does not. */
export type Attribute = { readonly int: number } | { readonly float: number } | { readonly ints: readonly number[] }

/** One input's share of a derivative: from the output's derivative to the input's, added to `sum` when there is one. */
export type Pullback = (derivative: Value, sum: Value | undefined) => Value

interface TapeEntry {
  readonly output: Value
  readonly pullbacks: readonly (readonly [input: Value, pullback: Pullback])[]
}

export type ConstantData = Float32Array | BigInt64Array | Int32Array | Int8Array | Uint8Array
type ConstantType = 'float32' | 'int64' | 'int32' | 'int8' | 'uint8'

interface OpOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>
  readonly domain?: string
  /** of all outputs, or of each */
  readonly type?: ElementType | readonly ElementType[]
}

/** Operators of ONNX Runtime that the standard does not have. */
export const MICROSOFT = 'com.microsoft'
/** opset 17 is the newest whose reductions take their axes as attributes; ONNX Runtime keeps old opsets working */
const OPSET = 17
const IR_VERSION = 9
/** A graph whose constants are larger than this keeps its weights in a file of their own (protobuf ends at 2 GiB, and copies). */
const MAX_INLINE_BYTES = 64 * 1024 * 1024
/** Part of a weight file's name: raised when the same weights would be written otherwise. */
const WEIGHT_FILE_VERSION = 1
/** What is smaller stays in the graph. */
const MIN_EXTERNAL_BYTES = 256
/** Weights start at a page of memory, so that the file can be mapped. */
const PAGE_BYTES = 4096

/** One weight in the file beside the model; `read` makes its bytes. */
export interface WeightPart {
  readonly offset: number
  readonly length: number
  read(): Uint8Array
}

export interface WeightFilePlan {
  /** the same name is the same bytes */
  readonly name: string
  readonly size: number
  /** in ascending offset, with zeros between them */
  readonly parts: ReadonlyMap<string, WeightPart>
}

export interface EncodedGraph {
  readonly bytes: Uint8Array
  /** null when all weights are in `bytes` */
  readonly weights: WeightFilePlan | null
}

interface Constant {
  readonly name: string
  readonly shape: readonly number[]
  readonly type: ConstantType
  readonly read: () => ConstantData
}

export class Graph {
  readonly #nodes: Onnx.INodeProto[] = []
  readonly #constants: Constant[] = []
  readonly #inputs: Value[] = []
  readonly #values: Value[] = []
  readonly #tape: TapeEntry[] = []
  readonly #differentiable = new Set<string>()
  /** small constants by what they hold */
  readonly #shared = new Map<string, Value>()
  #count = 0

  #name(prefix: string): string {
    return `${prefix}_${this.#count++}`
  }

  /** A value fed at every run. */
  input(name: string, shape: readonly Dim[], type: ElementType = 'float32'): Value {
    const value: Value = { name, shape, type }
    this.#inputs.push(value)
    return value
  }

  /** A fed value whose derivative `backward` finds. */
  parameter(name: string, shape: readonly Dim[]): Value {
    const value = this.input(name, shape)
    this.#differentiable.add(name)
    return value
  }

  /** Numbers that are part of the graph. */
  constant(data: ConstantData, shape: readonly number[], name = this.#name('const')): Value {
    return this.weight(name, shape, elementTypeOf(data), () => data)
  }

  /** Numbers that are part of the graph and asked for when they are written, so that a large model need not be in memory. */
  weight(name: string, shape: readonly number[], type: ConstantType, read: () => ConstantData): Value {
    this.#constants.push({ name, shape, type, read })
    return { name, shape, type }
  }

  scalar(value: number): Value {
    return this.#once(`f${value}`, () => this.constant(Float32Array.of(value), []))
  }

  /** A list of int64: shapes, axes. */
  ints(values: readonly number[]): Value {
    return this.#once(`i${values.join(',')}`, () => this.constant(BigInt64Array.from(values, BigInt), [values.length]))
  }

  #once(key: string, make: () => Value): Value {
    const known = this.#shared.get(key)
    if (known) return known
    const made = make()
    this.#shared.set(key, made)
    return made
  }

  /** One node with one output; no derivative is recorded. */
  op(opType: string, inputs: readonly (Value | null)[], shape: readonly Dim[], options: OpOptions = {}): Value {
    return this.ops(opType, inputs, [shape], options)[0] as Value
  }

  /** One node with several outputs; null inputs are left out. */
  ops(
    opType: string,
    inputs: readonly (Value | null)[],
    shapes: readonly (readonly Dim[])[],
    options: OpOptions = {},
  ): Value[] {
    const { type = 'float32' } = options
    const outputs = shapes.map(
      (shape, i): Value => ({
        name: this.#name(opType),
        shape,
        type: typeof type === 'string' ? type : (type[i] as ElementType),
      }),
    )
    const attribute = Object.entries(options.attributes ?? {}).map(
      ([name, a]): Onnx.IAttributeProto =>
        'int' in a
          ? { name, type: 2, i: a.int }
          : 'float' in a
            ? { name, type: 1, f: a.float }
            : { name, type: 7, ints: [...a.ints] },
    )
    this.#nodes.push({
      opType,
      domain: options.domain ?? '',
      name: this.#name('node'),
      input: inputs.map((v) => v?.name ?? ''),
      output: outputs.map((v) => v.name),
      attribute,
    })
    this.#values.push(...outputs)
    return outputs
  }

  /** True when a derivative with respect to some parameter flows through this value. */
  differentiable(value: Value): boolean {
    return this.#differentiable.has(value.name)
  }

  /** Makes `value` a leaf whose derivative `backward` finds if `source` is differentiable. Returns it. */
  watchIf(source: Value, value: Value): Value {
    if (this.differentiable(source)) this.#differentiable.add(value.name)
    return value
  }

  /** Says how `output` depends on its inputs. Those that no parameter reaches cost nothing. Returns `output`. */
  record(output: Value, pullbacks: readonly (readonly [input: Value, pullback: Pullback])[]): Value {
    const live = pullbacks.filter(([input]) => this.differentiable(input))
    if (live.length > 0) {
      this.#differentiable.add(output.name)
      this.#tape.push({ output, pullbacks: live })
    }
    return output
  }

  /**
   * Walks the tape backwards from `seeds` (value, its derivative).
   * @returns the derivative of each differentiable value by name
   */
  backward(seeds: readonly (readonly [value: Value, derivative: Value])[]): Map<string, Value> {
    const derivatives = new Map<string, Value>()
    for (const [value, derivative] of seeds) derivatives.set(value.name, derivative)
    for (const { output, pullbacks } of this.#tape.toReversed()) {
      const derivative = derivatives.get(output.name)
      if (!derivative) continue
      for (const [input, pullback] of pullbacks) {
        derivatives.set(input.name, pullback(derivative, derivatives.get(input.name)))
      }
    }
    return derivatives
  }

  /**
   * The model as ONNX bytes. `outputs` gives each a name of its own. Weights stay outside when they are large together: then
   * `weights` says how a file of that name, beside the model's, has to look.
   * @param source digest of where the weights come from: with what is taken from there it names the file
   */
  encode(outputs: Readonly<Record<string, Value>>, source: string): EncodedGraph {
    const named = Object.entries(outputs).map(([name, value]): Value => {
      this.#nodes.push({ opType: 'Identity', name: this.#name('node'), input: [value.name], output: [name] })
      return { ...value, name }
    })
    const weights = weightFile(this.#constants, source)
    const initializer = this.#constants.map((c): Onnx.ITensorProto => {
      const proto = { name: c.name, dims: [...c.shape], dataType: ELEMENT[c.type] }
      const part = weights?.parts.get(c.name)
      if (weights === null || part === undefined) return { ...proto, rawData: bytesOf(read(c)) }
      const where = { location: weights.name, offset: String(part.offset), length: String(part.length) }
      const externalData = Object.entries(where).map(([key, value]) => ({ key, value }))
      return { ...proto, dataLocation: onnx.TensorProto.DataLocation.EXTERNAL, externalData }
    })
    const graph: Onnx.IGraphProto = {
      name: 'covey',
      node: this.#nodes,
      initializer,
      input: this.#inputs.map(valueInfo),
      output: named.map(valueInfo),
      valueInfo: this.#values.map(valueInfo),
    }
    const model = {
      irVersion: IR_VERSION,
      opsetImport: [
        { domain: '', version: OPSET },
        { domain: MICROSOFT, version: 1 },
      ],
      graph,
    }
    return { bytes: onnx.ModelProto.encode(model).finish(), weights }
  }
}

/** What of the constants goes into a file of its own: nothing when they are small together. */
function weightFile(constants: readonly Constant[], source: string): WeightFilePlan | null {
  if (constants.reduce((n, c) => n + byteLength(c), 0) <= MAX_INLINE_BYTES) return null
  const parts = new Map<string, WeightPart>()
  let size = 0
  for (const c of constants) {
    const length = byteLength(c)
    if (length < MIN_EXTERNAL_BYTES) continue
    parts.set(c.name, { offset: size, length, read: () => bytesOf(read(c)) })
    size += Math.ceil(length / PAGE_BYTES) * PAGE_BYTES
  }
  const what = [...parts].map(([name, { offset, length }]) => [name, offset, length] as const)
  return { name: `${digestOfJson({ version: WEIGHT_FILE_VERSION, source, what })}.weights`, size, parts }
}

const BYTES: Readonly<Record<ConstantType, number>> = { float32: 4, int64: 8, int32: 4, int8: 1, uint8: 1 }

const byteLength = ({ shape, type }: Constant): number => shape.reduce((n, d) => n * d, BYTES[type])

/** @throws CoveyError E_INTERNAL when there are not as many numbers as the shape says */
function read({ name, shape, type, read }: Constant): ConstantData {
  const data = read()
  const expected = shape.reduce((n, d) => n * d, 1)
  if (data.length !== expected || elementTypeOf(data) !== type) {
    const message = `constant ${name}: shape ${shape.join('x')} wants ${expected} ${type}, got ${data.length} ${elementTypeOf(data)}`
    throw new CoveyError('E_INTERNAL', message)
  }
  return data
}

function elementTypeOf(data: ConstantData): ConstantType {
  if (data instanceof Float32Array) return 'float32'
  if (data instanceof Int8Array) return 'int8'
  if (data instanceof Uint8Array) return 'uint8'
  return data instanceof Int32Array ? 'int32' : 'int64'
}

function valueInfo({ name, shape, type }: Value): Onnx.IValueInfoProto {
  const dim = shape.map((d) => (typeof d === 'number' ? { dimValue: d } : { dimParam: d }))
  return { name, type: { tensorType: { elemType: ELEMENT[type], shape: { dim } } } }
}
