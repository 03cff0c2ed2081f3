/** What is written of a model in fewer bits, a tensor at a time. */
import { bytesOf } from '../../base/bytes.ts'
import { DTYPE_BYTES, toBf16 } from '../../base/safetensors.ts'
import { type Bits, type Codes, numbersOf, roundMatrix, type ScaleDtype } from '../folder/codes.ts'
import { readTensorBytes } from '../folder/files.ts'
import { GROUP_4 } from '../folder/quantization-config.ts'
import type { OutputTensor } from '../folder/shards.ts'
import type { Placed, StoredTensor } from '../folder/tensors.ts'
import { checkValues } from '../folder/write.ts'

/** ‖W − Ŵ‖/‖W‖ of one linear layer's matrix, Frobenius norms. */
export interface LayerError {
  readonly name: string
  readonly error: number
}

/** A tensor as it is. */
export function keptTensor(name: string, { file, info }: Placed): OutputTensor {
  const { dtype, shape } = info
  return { name, dtype, shape, size: info.end - info.begin, read: () => readTensorBytes(file, info) }
}

/**
 * A linear layer's matrix as `weight_packed`, `weight_scale` and `weight_shape`, to be read in this order. 8 bits: one float32
 * scale an output. 4 bits: one for each GROUP_4 inputs, in bfloat16 where the weights were: there are many of them.
 * @param tell hears of the error as soon as it is known
 */
export function quantizedTensors(
  name: string,
  tensor: StoredTensor,
  bits: Bits,
  tell: (error: LayerError) => void,
): OutputTensor[] {
  const [outputs, inputs] = tensor.shape as [number, number]
  const group = bits === 4 ? GROUP_4 : inputs
  const dtype: ScaleDtype = bits === 4 && tensor.parts[0]?.info.dtype === 'BF16' ? 'BF16' : 'F32'
  const packedShape = [outputs, (inputs * bits) / 32]
  const scaleShape = [outputs, inputs / group]
  // the scales are asked for right after the codes, once
  let scales: Float32Array | null = null
  const round = (): Codes => {
    const w = tensor.read()
    checkValues(name, tensor.shape, w)
    const rounded = roundMatrix(w, bits, group, dtype)
    tell({ name, error: distance(w, numbersOf(rounded, bits, group)) })
    return rounded
  }
  return [
    {
      name: `${name}_packed`,
      dtype: 'I32',
      shape: packedShape,
      size: count(packedShape) * DTYPE_BYTES.I32,
      read() {
        const rounded = round()
        scales = rounded.scales
        return rounded.codes
      },
    },
    {
      name: `${name}_scale`,
      dtype,
      shape: scaleShape,
      size: count(scaleShape) * DTYPE_BYTES[dtype],
      read() {
        const made = scales ?? round().scales
        scales = null
        return dtype === 'BF16' ? toBf16(made) : bytesOf(made)
      },
    },
    {
      name: `${name}_shape`,
      dtype: 'I64',
      shape: [2],
      size: 2 * DTYPE_BYTES.I64,
      read: () => bytesOf(BigInt64Array.of(BigInt(outputs), BigInt(inputs))),
    },
  ]
}

/** ‖a − b‖/‖a‖, 0 for a matrix of zeros. */
function distance(a: Float32Array, b: Float32Array): number {
  let [difference, size] = [0, 0]
  for (let i = 0; i < a.length; i++) {
    difference += ((a[i] as number) - (b[i] as number)) ** 2
    size += (a[i] as number) ** 2
  }
  return size === 0 ? 0 : Math.sqrt(difference / size)
}

const count = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1)
