/** The discrete Fourier transform of 2^n complex numbers, in place (Cooley and Tukey 1965). */
export function fourier(real: Float64Array, imaginary: Float64Array, inverse = false): void {
  const n = real.length
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1
    for (; j & bit; bit >>= 1) j ^= bit
    j ^= bit
    if (i < j) {
      swap(real, i, j)
      swap(imaginary, i, j)
    }
  }
  // one table of all roots: multiplying up a root loses a digit in every thousand steps
  const sign = inverse ? 1 : -1
  const cosines = Float64Array.from({ length: n / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / n))
  const sines = Float64Array.from({ length: n / 2 }, (_, k) => sign * Math.sin((2 * Math.PI * k) / n))
  for (let size = 2; size <= n; size *= 2) {
    const half = size / 2
    const stride = n / size
    for (let start = 0; start < n; start += size) {
      for (let k = 0; k < half; k++) {
        const [a, b] = [start + k, start + k + half]
        const [c, s] = [cosines[k * stride] as number, sines[k * stride] as number]
        const [re, im] = [real[b] as number, imaginary[b] as number]
        const [tr, ti] = [re * c - im * s, re * s + im * c]
        real[b] = (real[a] as number) - tr
        imaginary[b] = (imaginary[a] as number) - ti
        real[a]! += tr
        imaginary[a]! += ti
      }
    }
  }
  if (!inverse) return
  for (let i = 0; i < n; i++) {
    real[i]! /= n
    imaginary[i]! /= n
  }
}

function swap(values: Float64Array, i: number, j: number): void {
  const x = values[i] as number
  values[i] = values[j] as number
  values[j] = x
}
