/** Norms and linear layers of the slow reference. */
import type { Matrix, Reader } from './reference-math.ts'

export function rmsNorm(x: Matrix, gain: ArrayLike<number>, epsilon: number, offset: number): Matrix {
  return x.map((row) => {
    const mean = row.reduce((sum, v) => sum + v * v, 0) / row.length
    return row.map((v, i) => (v / Math.sqrt(mean + epsilon)) * (offset + (gain[i] as number)))
  })
}

export function layerNorm(x: Matrix, tensor: Reader, name: string, epsilon: number): Matrix {
  const [gain, bias] = [tensor(`${name}.weight`), tensor(`${name}.bias`)]
  return x.map((row) => {
    const mean = row.reduce((sum, v) => sum + v, 0) / row.length
    const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / row.length
    return row.map((v, i) => ((v - mean) / Math.sqrt(variance + epsilon)) * (gain[i] as number) + (bias[i] as number))
  })
}

/** x·Wᵀ (+ bias) */
export function linear(x: Matrix, tensor: Reader, module: string, bias = false): Matrix {
  const w = tensor(`${module}.weight`)
  const b = bias ? tensor(`${module}.bias`) : null
  const inputs = (x[0] as number[]).length
  return x.map((row) =>
    Array.from({ length: w.length / inputs }, (_, o) => {
      let sum = b ? (b[o] as number) : 0
      for (let i = 0; i < inputs; i++) sum += (row[i] as number) * (w[o * inputs + i] as number)
      return sum
    }),
  )
}
