/** The slow, plain references for robust steps: whole ΔW matrices as float64 vectors, each paper's formula as it stands there. */
import type { LoraLayout } from '../../src/types/adapter.ts'

/** s·((B₀ + dB)(A₀ + dA) − B₀A₀) of every module, one after another. */
export function denseChange(layout: LoraLayout, base: Float32Array, delta: Float32Array): Float64Array {
  const { alpha, rank: r, rsLora } = layout.lora
  const scale = rsLora ? alpha / Math.sqrt(r) : alpha / r
  const out: number[] = []
  for (let e = 0; e < layout.entries.length; e += 2) {
    const a = layout.entries[e]!
    const b = layout.entries[e + 1]!
    const [rank, inputs] = a.shape
    for (let o = 0; o < b.shape[0]; o++) {
      for (let i = 0; i < inputs; i++) {
        let sum = 0
        for (let k = 0; k < rank; k++) {
          const p = b.offset + o * rank + k
          const q = a.offset + k * inputs + i
          sum += (base[p]! + delta[p]!) * (base[q]! + delta[q]!) - base[p]! * base[q]!
        }
        out.push(scale * sum)
      }
    }
  }
  return Float64Array.from(out)
}

export const dot = (x: Float64Array, y: Float64Array): number => x.reduce((sum, v, i) => sum + v * y[i]!, 0)
export const norm = (x: Float64Array): number => Math.sqrt(dot(x, x))

/** Σ weightᵢ·xᵢ */
export function combine(xs: readonly Float64Array[], weights: readonly number[]): Float64Array {
  const out = new Float64Array(xs[0]!.length)
  xs.forEach((x, n) => {
    for (let i = 0; i < out.length; i++) out[i]! += weights[n]! * x[i]!
  })
  return out
}

const apart = (x: Float64Array, y: Float64Array): number => norm(combine([x, y], [1, -1]))
const middle = (values: readonly number[]): number => {
  const s = [...values].sort((a, b) => a - b)
  return (s[(s.length - 1) >> 1]! + s[s.length >> 1]!) / 2
}
const mean = (xs: readonly Float64Array[]): Float64Array =>
  combine(
    xs,
    xs.map(() => 1 / xs.length),
  )

export function denseClip(xs: readonly Float64Array[]): Float64Array {
  const bound = middle(xs.map(norm))
  return mean(xs.map((x) => x.map((v) => v * Math.min(1, bound / norm(x)))))
}

/** Multi-Krum with f assumed liars: which n − f it chooses. */
export function denseKrum(xs: readonly Float64Array[], f: number): number[] {
  const score = (x: Float64Array): number =>
    xs
      .filter((y) => y !== x)
      .map((y) => apart(x, y) ** 2)
      .sort((a, b) => a - b)
      .slice(0, xs.length - f - 2)
      .reduce((sum, d) => sum + d, 0)
  return xs
    .map((x, i) => ({ i, score: score(x) }))
    .sort((a, b) => a.score - b.score)
    .slice(0, xs.length - f)
    .map(({ i }) => i)
    .sort((a, b) => a - b)
}

/** Weiszfeld's iteration until it stands. */
export function denseGeometricMedian(xs: readonly Float64Array[]): Float64Array {
  let v = mean(xs)
  for (let t = 0; t < 200; t++) {
    const pulls = xs.map((x) => 1 / Math.max(1e-12, apart(x, v)))
    const all = pulls.reduce((sum, p) => sum + p, 0)
    v = combine(
      xs,
      pulls.map((p) => p / all),
    )
  }
  return v
}

export function denseCentredClip(xs: readonly Float64Array[], iterations: number): Float64Array {
  const bound = middle(xs.map(norm))
  let v = new Float64Array(xs[0]!.length)
  for (let t = 0; t < iterations; t++) {
    const steps = xs.map((x) => {
      const away = combine([x, v], [1, -1])
      return away.map((d) => d * Math.min(1, bound / norm(away)))
    })
    v = combine([v, mean(steps)], [1, 1]) as typeof v
  }
  return v
}
