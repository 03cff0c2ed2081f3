/** Inner products of the rows of any two of some matrices of one shape; the same bits with the kernel (simd.ts) and without. */
import { addCrossGram } from './gram.ts'
import { GROUP, GROUP_BYTES, type Kernel, SUMS_BYTES } from './simd.ts'

/** Matrices (rows, length) row-major. */
export interface Stack {
  readonly matrices: readonly Float64Array[]
  readonly length: number
}

/** (rows, rows) row-major: the rows of matrix i against those of matrix j; good until the next call of any. */
export type CrossProducts = (i: number, j: number) => Float64Array

/** One function a stack. @param kernel null: without; it is used up: what else it held is gone */
export function crossProducts(stacks: readonly Stack[], rows: number, kernel: Kernel | null): CrossProducts[] {
  return kernel === null ? stacks.map((stack) => plain(stack, rows)) : withKernel(kernel, stacks, rows)
}

function plain({ matrices, length }: Stack, rows: number): CrossProducts {
  const out = new Float64Array(rows * rows)
  return (i, j) => {
    out.fill(0)
    addCrossGram(matrices[i] as Float64Array, rows, matrices[j] as Float64Array, rows, length, out)
    return out
  }
}

function withKernel(kernel: Kernel, stacks: readonly Stack[], rows: number): CrossProducts[] {
  const groups = Math.ceil(rows / GROUP)
  const sumsBytes = groups * groups * SUMS_BYTES
  let end = sumsBytes
  const starts = stacks.map(({ matrices, length }) => {
    const start = end
    end += matrices.length * groups * length * GROUP_BYTES
    return start
  })
  const memory = kernel.reserve(end)
  const sums = new Float64Array(memory, 0, sumsBytes / 8)
  return stacks.map(({ matrices, length }, s) => {
    const start = starts[s] as number
    const between = length * GROUP_BYTES
    const of = (i: number): number => start + i * groups * between
    matrices.forEach((matrix, i) => {
      pack(matrix, rows, length, new Float64Array(memory, of(i), groups * length * GROUP))
    })
    const out = new Float64Array(rows * rows)
    return (i, j) => {
      sums.fill(0)
      for (let g = 0; g < groups; g++)
        kernel.cross(of(i) + g * between, of(j), between, groups, length, g * groups * SUMS_BYTES)
      for (let k = 0; k < rows; k++) {
        for (let l = 0; l < rows; l++) {
          const tile = Math.floor(k / GROUP) * groups + Math.floor(l / GROUP)
          out[k * rows + l] = sums[tile * GROUP * GROUP + (k % GROUP) * GROUP + (l % GROUP)] as number
        }
      }
      return out
    }
  })
}

/** Rows in groups of four, a group's numbers side by side; what fills the last group up is zero. */
function pack(matrix: Float64Array, rows: number, length: number, out: Float64Array): void {
  out.fill(0)
  for (let k = 0; k < rows; k++) {
    const into = Math.floor(k / GROUP) * length * GROUP + (k % GROUP)
    for (let t = 0; t < length; t++) out[into + t * GROUP] = matrix[k * length + t] as number
  }
}
