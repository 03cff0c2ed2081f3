/** A folder's tensors held against its config.json: every name, dtype and shape, and every scale. */
import { CoveyError } from '../../base/errors.ts'
import type { TensorInfo } from '../../base/safetensors.ts'
import type { ModelConfig, RoundedWeight } from '../../types/model.ts'
import { architectureFor } from '../families/architectures.ts'
import { numbersOf, turnSign } from './codes.ts'
import { readTensor, readTensorBytes, type WeightFile } from './files.ts'
import type { WeightScheme } from './quantization-config.ts'

/** A code times a smaller scale is a finite float32. */
const SCALE_LIMIT = 2 ** 120

/** A tensor's place: in which file, and where there. */
export interface Placed {
  readonly file: WeightFile
  readonly info: TensorInfo
}

/** A tensor as the model has it, whatever its files make of it. */
export interface StoredTensor {
  readonly shape: readonly number[]
  readonly rounded: RoundedWeight | null
  /** the places in the files that it is made of */
  readonly parts: readonly Placed[]
  /** float32, row-major. @throws CoveyError E_MODEL_FILE */
  read(): Float32Array
}

/** @throws CoveyError E_MODEL_FILE for a name that is there twice */
export function locateTensors(files: readonly WeightFile[]): Map<string, Placed> {
  const found = new Map<string, Placed>()
  for (const file of files) {
    for (const info of file.tensors.values()) {
      const other = found.get(info.name)
      if (other) {
        throw new CoveyError('E_MODEL_FILE', `tensor ${info.name} is in ${other.file.name} and in ${file.name}`, {
          tensor: info.name,
        })
      }
      found.set(info.name, { file, info })
    }
  }
  return found
}

/**
 * Every tensor that the forward pass uses. Scales are read and checked now, values when they are asked for.
 * @param schemes of quantized linear layers, null when there are none
 * @throws CoveyError E_MODEL_SHAPE | E_MODEL_FILE | E_MODEL_ARCHITECTURE
 */
export function storedTensors(
  config: ModelConfig,
  schemes: readonly WeightScheme[] | null,
  found: ReadonlyMap<string, Placed>,
): Map<string, StoredTensor> {
  const architecture = architectureFor(config.architecture)
  const stored = new Map<string, StoredTensor>()
  const used = new Set<string>()
  for (const [tensor, shape] of architecture.tensorShapes(config)) {
    const made = (schemes && quantizedTensor(tensor, shape, schemes, found)) ?? plainTensor(tensor, shape, found)
    stored.set(tensor, made)
    for (const { info } of made.parts) used.add(info.name)
  }
  for (const [tensor, { info }] of found) {
    // an unknown tensor (a bias, an extra norm) means another computation than the one that would be run
    if (!used.has(tensor) && !architecture.ignores(config, tensor)) {
      throw new CoveyError(
        'E_MODEL_SHAPE',
        `tensor ${tensor} is in the weight files, but ${config.architecture} has no use for it`,
        { tensor, got: info.shape },
      )
    }
  }
  return stored
}

function plainTensor(tensor: string, shape: readonly number[], found: ReadonlyMap<string, Placed>): StoredTensor {
  const place = expectShape(tensor, [shape], found.get(tensor))
  expectDtype(tensor, ['F32', 'F16', 'BF16'], place)
  return { shape, rounded: null, parts: [place], read: () => readTensor(place.file, place.info) }
}

/**
 * A linear layer's matrix in codes: `weight_packed` (or `weight` in int8) with `weight_scale`, as the compressors of
 * https://github.com/vllm-project/compressed-tensors write them (compressors/pack_quantized, compressors/naive_quantized).
 * @returns null for a tensor that is stored as plain numbers
 */
function quantizedTensor(
  tensor: string,
  shape: readonly number[],
  schemes: readonly WeightScheme[],
  found: ReadonlyMap<string, Placed>,
): StoredTensor | null {
  const [outputs, inputs] = shape
  if (!tensor.endsWith('.weight') || outputs === undefined || inputs === undefined || shape.length !== 2) return null
  const packed = found.get(`${tensor}_packed`)
  const whole = found.get(tensor)
  if (packed && whole) {
    const message = `tensor ${tensor} is in the weight files twice: packed and as it is`
    throw new CoveyError('E_MODEL_FILE', message, { tensor })
  }
  const codes = packed ?? (whole?.info.dtype === 'I8' ? whole : undefined)
  if (codes === undefined) return null
  expectDtype(codes.info.name, [packed ? 'I32' : 'I8'], codes)
  const forms = schemes.flatMap((s) => formOf(s, outputs, inputs)).filter((f) => f.packed === (packed !== undefined))
  if (forms.length === 0) {
    const why = `no scheme of quantization_config fits its ${packed ? 'packed' : 'int8'} values of [${outputs}, ${inputs}]`
    throw new CoveyError('E_MODEL_ARCHITECTURE', `tensor ${tensor}: ${why}`, { tensor, expected: schemes })
  }
  const { form, scale } = fittingForm(tensor, forms, codes, found)
  const parts = packed ? [codes, scale, weightShape(tensor, shape, found)] : [codes, scale]
  checkScales(scale.info.name, readTensor(scale.file, scale.info))
  const rounded = roundedWeight(form, outputs, codes, scale)
  const read = (): Float32Array =>
    numbersOf({ codes: rounded.codes(), scales: rounded.scales() }, form.bits, form.group)
  return { shape, rounded, parts, read }
}

/** The form whose shapes the tensors have, and where the scales are. */
function fittingForm(
  tensor: string,
  forms: readonly Form[],
  codes: Placed,
  found: ReadonlyMap<string, Placed>,
): { readonly form: Form; readonly scale: Placed } {
  const shapes = forms.map((f) => f.codes)
  expectShape(codes.info.name, shapes, codes)
  const same = forms.filter((f) => isShape(f.codes, codes.info.shape))
  const name = `${tensor}_scale`
  const scaleShapes = same.flatMap((f) => f.scales)
  const scale = expectShape(name, scaleShapes, found.get(name))
  expectDtype(name, ['F32', 'F16', 'BF16'], scale)
  // one of them fits, or expectShape had thrown
  const form = same.find((f) => f.scales.some((s) => isShape(s, scale.info.shape))) as Form
  return { form, scale }
}

function roundedWeight(
  { bits, group, packed, single }: Form,
  outputs: number,
  codes: Placed,
  scale: Placed,
): RoundedWeight {
  return {
    bits,
    group,
    codes() {
      const bytes = readTensorBytes(codes.file, codes.info)
      // int32 words are little-endian, the first code lowest, so packed bytes are in order as they stand
      return packed ? bytes : turnSign(bytes)
    },
    scales() {
      const scales = readTensor(scale.file, scale.info)
      return single ? new Float32Array(outputs).fill(scales[0] as number) : scales
    },
  }
}

/** What a scheme makes of one matrix. */
interface Form {
  readonly bits: 8 | 4
  readonly packed: boolean
  readonly group: number
  /** one scale for the whole matrix */
  readonly single: boolean
  readonly codes: readonly number[]
  /** any of these */
  readonly scales: readonly (readonly number[])[]
}

/** Nothing when rows do not fill whole words or groups. */
function formOf({ bits, packed, group: size }: WeightScheme, outputs: number, inputs: number): Form[] {
  const group = typeof size === 'number' ? size : inputs
  const inWord = packed ? 32 / bits : 1
  if (inputs % inWord !== 0 || inputs % group !== 0 || group % 2 !== 0) return []
  const single = size === 'matrix'
  const each = [outputs, inputs / group]
  const scales = single ? [[1], [], [1, 1]] : size === 'output' ? [each, [outputs]] : [each]
  return [{ bits, packed, group, single, codes: [outputs, inputs / inWord], scales }]
}

/** Packed words do not tell a matrix's shape; the file says it beside them. */
function weightShape(tensor: string, shape: readonly number[], found: ReadonlyMap<string, Placed>): Placed {
  const name = `${tensor}_shape`
  const place = expectShape(name, [[2]], found.get(name))
  expectDtype(name, ['I64', 'I32'], place)
  const bytes = readTensorBytes(place.file, place.info)
  const said =
    place.info.dtype === 'I64' ? Array.from(new BigInt64Array(bytes.buffer), Number) : [...new Int32Array(bytes.buffer)]
  if (!isShape(shape, said)) throw shapeError(name, [shape], said)
  return place
}

function checkScales(name: string, scales: Float32Array): void {
  const bad = scales.findIndex((s) => !(s > 0 && s < SCALE_LIMIT))
  if (bad < 0) return
  const message = `tensor ${name}: expected finite scales above 0, got ${scales[bad]} at ${bad}`
  throw new CoveyError('E_MODEL_FILE', message, { tensor: name, limit: SCALE_LIMIT })
}

const isShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i])

function expectShape(tensor: string, shapes: readonly (readonly number[])[], place: Placed | undefined): Placed {
  if (place && shapes.some((shape) => isShape(shape, place.info.shape))) return place
  throw shapeError(tensor, shapes, place?.info.shape ?? null)
}

function expectDtype(tensor: string, dtypes: readonly string[], { info }: Placed): void {
  if (dtypes.includes(info.dtype)) return
  const [last, ...others] = dtypes.toReversed()
  const wanted = [...(others.length > 0 ? [others.toReversed().join(', ')] : []), last].join(' or ')
  throw new CoveyError('E_MODEL_FILE', `tensor ${tensor}: expected ${wanted} values, got ${info.dtype}`, { tensor })
}

function shapeError(tensor: string, shapes: readonly (readonly number[])[], got: readonly number[] | null): CoveyError {
  const came = got ? `[${got.join(', ')}]` : 'no such tensor'
  const wanted = [...new Set(shapes.map((shape) => `[${shape.join(', ')}]`))].join(' or ')
  return new CoveyError('E_MODEL_SHAPE', `tensor ${tensor}: config.json wants ${wanted}, the files have ${came}`, {
    tensor,
    expected: shapes.length === 1 ? shapes[0] : shapes,
    got,
  })
}
