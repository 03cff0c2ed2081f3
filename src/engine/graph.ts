/**
 * A builder of ONNX graphs with reverse-mode differentiation. Values carry symbolic shapes, so that one session serves
 * batches of any number of rows, and ONNX Runtime can plan buffers although it does not know the numbers.
 * Format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
 */
import onnxProto, { type onnx as Onnx } from 'onnx-proto'
import { bytesOf } from '../base/bytes.ts'
import { CoveyError } from '../base/errors.ts'

const { onnx } = onnxProto

/** A number, or the name of a dimension that is known when the graph runs. */
export type Dim = number | string

/** ONNX element types that the engine uses, by their number in TensorProto.DataType. */
export const ELEMENT = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9 } as const
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

export type ConstantData = Float32Array | BigInt64Array | Int32Array | Int8Array

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
/** protobuf's own limit on a message */
const MAX_MODEL_BYTES = 2 ** 31 - 1

export class Graph {
  readonly #nodes: Onnx.INodeProto[] = []
  readonly #initializers: Onnx.ITensorProto[] = []
  readonly #inputs: Value[] = []
  readonly #values: Value[] = []
  readonly #tape: TapeEntry[] = []
  readonly #differentiable = new Set<string>()
  readonly #constants = new Map<string, Value>()
  #count = 0
  #bytes = 0

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

  /** Numbers that are part of the graph. `data` is not copied until `encode`. */
  constant(data: ConstantData, shape: readonly number[], name = this.#name('const')): Value {
    const type = elementTypeOf(data)
    const expected = shape.reduce((n, d) => n * d, 1)
    if (data.length !== expected) {
      throw new CoveyError(
        'E_INTERNAL',
        `constant ${name}: shape ${shape.join('x')} wants ${expected} numbers, got ${data.length}`,
      )
    }
    this.#bytes += data.byteLength
    this.#initializers.push({ name, dims: [...shape], dataType: ELEMENT[type], rawData: bytesOf(data) })
    return { name, shape, type }
  }

  scalar(value: number): Value {
    return this.#shared(`f${value}`, () => this.constant(Float32Array.of(value), []))
  }

  /** A list of int64: shapes, axes. */
  ints(values: readonly number[]): Value {
    return this.#shared(`i${values.join(',')}`, () =>
      this.constant(BigInt64Array.from(values, BigInt), [values.length]),
    )
  }

  #shared(key: string, make: () => Value): Value {
    const known = this.#constants.get(key)
    if (known) return known
    const made = make()
    this.#constants.set(key, made)
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

  /** The model as ONNX bytes. `outputs` gives each a name of its own. @throws CoveyError E_ENGINE over 2 GiB */
  encode(outputs: Readonly<Record<string, Value>>): Uint8Array {
    if (this.#bytes > MAX_MODEL_BYTES) {
      throw new CoveyError(
        'E_ENGINE',
        `the model's weights take ${this.#bytes} bytes as float32, one graph holds at most ${MAX_MODEL_BYTES}; use a smaller model`,
        { bytes: this.#bytes },
      )
    }
    const named = Object.entries(outputs).map(([name, value]): Value => {
      this.#nodes.push({ opType: 'Identity', name: this.#name('node'), input: [value.name], output: [name] })
      return { ...value, name }
    })
    const graph: Onnx.IGraphProto = {
      name: 'covey',
      node: this.#nodes,
      initializer: this.#initializers,
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
    return onnx.ModelProto.encode(model).finish()
  }
}

function elementTypeOf(data: ConstantData): ElementType {
  if (data instanceof Float32Array) return 'float32'
  if (data instanceof Int8Array) return 'int8'
  return data instanceof Int32Array ? 'int32' : 'int64'
}

function valueInfo({ name, shape, type }: Value): Onnx.IValueInfoProto {
  const dim = shape.map((d) => (typeof d === 'number' ? { dimValue: d } : { dimParam: d }))
  return { name, type: { tensorType: { elemType: ELEMENT[type], shape: { dim } } } }
}
