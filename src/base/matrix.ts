/**
 * The little dense linear algebra that exact aggregation and low-rank deltas need, in float64 with + − × ÷ √ only and a fixed
 * order of operations: the same bits on every machine, which no BLAS promises. Matrices are column-major: element (i, j) is data[j·rows + i].
 */
import { CoveyError } from './errors.ts'

export interface Matrix {
  readonly rows: number
  readonly columns: number
  readonly data: Float64Array
}

export function zeros(rows: number, columns: number): Matrix {
  return { rows, columns, data: new Float64Array(rows * columns) }
}

export function transpose(a: Matrix): Matrix {
  const out = zeros(a.columns, a.rows)
  for (let j = 0; j < a.columns; j++) {
    for (let i = 0; i < a.rows; i++) out.data[i * a.columns + j] = a.data[j * a.rows + i] as number
  }
  return out
}

/** a·bᵀ. */
export function multiplyTransposed(a: Matrix, b: Matrix): Matrix {
  const out = zeros(a.rows, b.rows)
  for (let k = 0; k < a.columns; k++) {
    for (let j = 0; j < b.rows; j++) {
      const x = b.data[k * b.rows + j] as number
      if (x === 0) continue
      addScaled(out.data, j * a.rows, a.data, k * a.rows, a.rows, x)
    }
  }
  return out
}

/** Q as Householder reflectors, R (min(rows, columns), columns) upper trapezoidal. */
export interface Qr {
  readonly reflectors: Matrix
  /** 2/‖v‖², 0 where the column needed no reflection */
  readonly betas: Float64Array
  readonly r: Matrix
}

/**
 * Householder QR (Golub and Van Loan, Matrix Computations, 5.2.1). It does not mind dependent columns, which stacked
 * factors have whenever the peers share one.
 */
export function qr(a: Matrix): Qr {
  const { rows: m, columns: n } = a
  const p = Math.min(m, n)
  const w = a.data.slice()
  const reflectors = zeros(m, p)
  const betas = new Float64Array(p)
  for (let j = 0; j < p; j++) {
    const at = j * m
    const norm = Math.sqrt(dot(w, at + j, w, at + j, m - j))
    if (norm === 0) continue
    const first = w[at + j] as number
    // away from `first`, so that nothing cancels
    const alpha = first > 0 ? -norm : norm
    const v = reflectors.data
    for (let i = j; i < m; i++) v[at + i] = w[at + i] as number
    v[at + j] = first - alpha
    const beta = 2 / dot(v, at + j, v, at + j, m - j)
    betas[j] = beta
    w[at + j] = alpha
    for (let i = j + 1; i < m; i++) w[at + i] = 0
    let c = j + 1
    for (; c + 4 <= n; c += 4) reflectFour(w, c * m + j, m, v, at + j, m - j, beta)
    for (; c < n; c++) {
      const t = beta * dot(v, at + j, w, c * m + j, m - j)
      addScaled(w, c * m + j, v, at + j, m - j, -t)
    }
  }
  const r = zeros(p, n)
  for (let c = 0; c < n; c++) {
    for (let i = 0; i <= Math.min(c, p - 1); i++) r.data[c * p + i] = w[c * m + i] as number
  }
  return { reflectors, betas, r }
}

/** Four columns of w, `apart` numbers from each other, minus β·(vᵀ·column)·v: what one after the other gives, with four sums at once. */
function reflectFour(
  w: Float64Array,
  x: number,
  apart: number,
  v: Float64Array,
  y: number,
  length: number,
  beta: number,
): void {
  const one = v.subarray(y, y + length)
  const w0 = w.subarray(x, x + length)
  const w1 = w.subarray(x + apart, x + apart + length)
  const w2 = w.subarray(x + 2 * apart, x + 2 * apart + length)
  const w3 = w.subarray(x + 3 * apart, x + 3 * apart + length)
  let s0 = 0
  let s1 = 0
  let s2 = 0
  let s3 = 0
  for (let i = 0; i < length; i++) {
    const z = one[i] as number
    s0 += z * (w0[i] as number)
    s1 += z * (w1[i] as number)
    s2 += z * (w2[i] as number)
    s3 += z * (w3[i] as number)
  }
  const [t0, t1, t2, t3] = [-(beta * s0), -(beta * s1), -(beta * s2), -(beta * s3)]
  for (let i = 0; i < length; i++) {
    const z = one[i] as number
    w0[i] = (w0[i] as number) + t0 * z
    w1[i] = (w1[i] as number) + t1 * z
    w2[i] = (w2[i] as number) + t2 * z
    w3[i] = (w3[i] as number) + t3 * z
  }
}

/** Q·x for x (min(rows, columns), k): the result is (rows, k). */
export function applyQ(q: Qr, x: Matrix): Matrix {
  const m = q.reflectors.rows
  const out = zeros(m, x.columns)
  for (let c = 0; c < x.columns; c++) {
    for (let i = 0; i < x.rows; i++) out.data[c * m + i] = x.data[c * x.rows + i] as number
    for (let j = q.betas.length - 1; j >= 0; j--) {
      const v = q.reflectors.data
      const t = (q.betas[j] as number) * dot(v, j * m + j, out.data, c * m + j, m - j)
      addScaled(out.data, c * m + j, v, j * m + j, m - j, -t)
    }
  }
  return out
}

/** a = u·diag(values)·vᵀ with values descending; columns of u and v beyond the rank are zero. */
export interface Svd {
  readonly u: Matrix
  readonly values: Float64Array
  readonly v: Matrix
}

/** Random matrices of 3 to 128 columns took 2 to 11 sweeps; the bound is there so that nothing can run for ever. */
const MAX_SWEEPS = 60
/** Two columns count as orthogonal when |cos| is below this: a few units of float64's rounding. */
const ORTHOGONAL = 1e-15
/** A column this much smaller than the matrix is rounding noise, not a direction. */
const NOISE = 1e-15

/**
 * One-sided Jacobi (Hestenes 1958; Demmel and Veselić 1992): turns pairs of columns until all are orthogonal. Simple,
 * accurate for small singular values, and without a shift or a pivot whose choice could differ.
 * @throws CoveyError E_AGGREGATE when it does not converge, which needs values that are not finite
 */
export function svd(a: Matrix): Svd {
  if (a.rows < a.columns) {
    const { u, values, v } = svd(transpose(a))
    return { u: v, values, v: u }
  }
  const { rows: m, columns: n } = a
  const w = a.data.slice()
  const v = zeros(n, n)
  for (let j = 0; j < n; j++) v.data[j * n + j] = 1
  const frobenius = Math.sqrt(dot(w, 0, w, 0, w.length))
  // products, not **: a power's last bit is the platform's own
  orthogonalise(w, m, n, v, NOISE * frobenius * (NOISE * frobenius))

  const norms = Float64Array.from({ length: n }, (_, j) => Math.sqrt(dot(w, j * m, w, j * m, m)))
  const order = Array.from(norms.keys()).sort((i, j) => (norms[j] as number) - (norms[i] as number) || i - j)
  const u = zeros(m, n)
  const right = zeros(n, n)
  const values = new Float64Array(n)
  order.forEach((from, to) => {
    const norm = norms[from] as number
    if (!(norm > NOISE * frobenius)) return
    values[to] = norm
    for (let i = 0; i < m; i++) u.data[to * m + i] = (w[from * m + i] as number) / norm
    for (let i = 0; i < n; i++) right.data[to * n + i] = v.data[from * n + i] as number
  })
  return { u, values, v: right }
}

function orthogonalise(w: Float64Array, m: number, n: number, v: Matrix, noise: number): void {
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let turned = false
    for (let i = 0; i < n - 1; i++) {
      for (let j = i + 1; j < n; j++) {
        const alpha = dot(w, i * m, w, i * m, m)
        const beta = dot(w, j * m, w, j * m, m)
        if (alpha <= noise || beta <= noise) continue
        const gamma = dot(w, i * m, w, j * m, m)
        if (Math.abs(gamma) <= ORTHOGONAL * Math.sqrt(alpha * beta)) continue
        turned = true
        const zeta = (beta - alpha) / (2 * gamma)
        const t = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta))
        const c = 1 / Math.sqrt(1 + t * t)
        turn(w, i * m, j * m, m, c, c * t)
        turn(v.data, i * n, j * n, n, c, c * t)
      }
    }
    if (!turned) return
  }
  throw new CoveyError(
    'E_AGGREGATE',
    `the singular values did not converge in ${MAX_SWEEPS} sweeps; are all values finite?`,
  )
}

/** (x, y) ← (c·x − s·y, s·x + c·y) */
function turn(a: Float64Array, x: number, y: number, length: number, c: number, s: number): void {
  for (let i = 0; i < length; i++) {
    const p = a[x + i] as number
    const q = a[y + i] as number
    a[x + i] = c * p - s * q
    a[y + i] = s * p + c * q
  }
}

function dot(a: Float64Array, x: number, b: Float64Array, y: number, length: number): number {
  let sum = 0
  for (let i = 0; i < length; i++) sum += (a[x + i] as number) * (b[y + i] as number)
  return sum
}

/** out[x…] += factor·a[y…] */
function addScaled(out: Float64Array, x: number, a: Float64Array, y: number, length: number, factor: number): void {
  for (let i = 0; i < length; i++) out[x + i] = (out[x + i] as number) + factor * (a[y + i] as number)
}
