/**
 * Magnitude pruning (Han et al. 2015, arXiv:1506.02626): of the matrices in a model's blocks the smallest weights become 0.
 * They are compared within a row, that is one output, as Sun et al. 2023 compare theirs (arXiv:2306.11695): no output loses
 * more of its inputs than another, the share is exact, and a row needs no other one in memory.
 * Embeddings, norms, biases and the head stay.
 */
import { digestOfJson } from '../../base/canonical.ts'
import { CoveyError } from '../../base/errors.ts'
import type { BaseModel } from '../../types/model.ts'
import { blockMatrices } from './blocks.ts'

/**
 * The matrix (out, in) with the ⌊sparsity·in⌋ smallest of each row at 0; of equal ones the first. Zeros that were there count.
 * @throws CoveyError E_ARGUMENT
 */
export function pruneRows(weights: Float32Array, inputs: number, sparsity: number): Float32Array {
  checkSparsity(sparsity)
  const out = weights.slice()
  const count = Math.floor(sparsity * inputs)
  if (count === 0) return out
  const sizes = new Float32Array(inputs)
  for (let from = 0; from < out.length; from += inputs) {
    const row = out.subarray(from, from + inputs)
    for (let i = 0; i < inputs; i++) sizes[i] = Math.abs(row[i] as number)
    const border = sizes.sort()[count - 1] as number
    let atBorder = count
    for (const x of row) if (Math.abs(x) < border) atBorder--
    for (let i = 0; i < inputs; i++) {
      const size = Math.abs(row[i] as number)
      if (size > border || (size === border && atBorder-- <= 0)) continue
      row[i] = 0
    }
  }
  return out
}

/**
 * The model with those zeros. Tensors are pruned when they are asked for and not kept.
 * @param sparsity share of each row that becomes 0, 0 to below 1
 * @throws CoveyError E_ARGUMENT
 */
export function pruneWeights(base: BaseModel, sparsity: number): BaseModel {
  checkSparsity(sparsity)
  const matrices = blockMatrices(base.config)
  return changed(base, 'pruned', { sparsity }, (name, weights) =>
    matrices.has(name) ? pruneRows(weights, base.shape(name)[1] as number, sparsity) : weights,
  )
}

/** `model` with 0 wherever a matrix of `pattern`'s blocks has 0: what training has moved there goes back. */
export function keepZeros(model: BaseModel, pattern: BaseModel): BaseModel {
  const matrices = blockMatrices(model.config)
  return changed(model, 'masked', { pattern: pattern.digest }, (name, weights) => {
    if (!matrices.has(name)) return weights
    const zeros = pattern.tensor(name)
    return weights.map((w, i) => (zeros[i] === 0 ? 0 : w))
  })
}

/** How many weights there are, and how many of them are not 0. */
export function countWeights(model: BaseModel): { readonly parameters: number; readonly nonZero: number } {
  let [parameters, nonZero] = [0, 0]
  for (const name of model.tensorNames) {
    const values = model.tensor(name)
    parameters += values.length
    for (const x of values) if (x !== 0) nonZero++
  }
  return { parameters, nonZero }
}

function changed(
  base: BaseModel,
  what: string,
  how: Readonly<Record<string, unknown>>,
  change: (name: string, weights: Float32Array) => Float32Array,
): BaseModel {
  return {
    config: base.config,
    digest: digestOfJson({ base: base.digest, [what]: how }),
    name: `${base.name}-${what}`,
    dir: null,
    tensorNames: base.tensorNames,
    shape: (name) => base.shape(name),
    tensor: (name) => change(name, base.tensor(name)),
  }
}

function checkSparsity(sparsity: number): void {
  if (sparsity >= 0 && sparsity < 1) return
  throw new CoveyError('E_ARGUMENT', `sparsity: expected 0 to below 1, got ${sparsity}`, { sparsity })
}
