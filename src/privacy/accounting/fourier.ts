/** The discrete Fourier transform of 2^n complex numbers, in place (Cooley and Tukey 1965). */
export function fourier(real: Float64Array, imaginary: Float64Array, inverse = false): void {
  const n = real.length
  reorder(real)
  reorder(imaginary)
  const { cosines, sines } = rootsOf(n)
  const sign = inverse ? 1 : -1
  for (let half = 1, stride = n / 2; half < n; half *= 2, stride /= 2) {
    for (let start = 0; start < n; start += 2 * half) {
      for (let k = 0; k < half; k++) {
        const a = start + k
        const b = a + half
        const c = cosines[k * stride] as number
        const s = sign * (sines[k * stride] as number)
        const re = real[b] as number
        const im = imaginary[b] as number
        const turnedRe = re * c - im * s
        const turnedIm = re * s + im * c
        real[b] = (real[a] as number) - turnedRe
        imaginary[b] = (imaginary[a] as number) - turnedIm
        real[a]! += turnedRe
        imaginary[a]! += turnedIm
      }
    }
  }
  if (!inverse) return
  for (let i = 0; i < n; i++) {
    real[i]! /= n
    imaginary[i]! /= n
  }
}

interface Roots {
  readonly cosines: Float64Array
  readonly sines: Float64Array
}
/** By n; each computed by itself, since multiplying up a root loses a digit in every thousand steps. */
const known = new Map<number, Roots>()

function rootsOf(n: number): Roots {
  const roots = known.get(n) ?? {
    cosines: Float64Array.from({ length: n / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / n)),
    sines: Float64Array.from({ length: n / 2 }, (_, k) => Math.sin((2 * Math.PI * k) / n)),
  }
  known.set(n, roots)
  return roots
}

/** To the order of the numbers' bits read backwards. */
function reorder(values: Float64Array): void {
  for (let i = 1, j = 0; i < values.length; i++) {
    let bit = values.length >> 1
    for (; j & bit; bit >>= 1) j ^= bit
    j ^= bit
    if (i >= j) continue
    const x = values[i] as number
    values[i] = values[j] as number
    values[j] = x
  }
}
