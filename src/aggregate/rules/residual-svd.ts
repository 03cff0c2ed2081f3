/**
 * FedEx-LoRA (Singhal, Ponkshe, Vepakomma 2024, arXiv:2410.09432): both factors are averaged, and what the product of the means lacks of
 * the mean of the products is kept beside them. There it is added to the base model, which here is frozen and shared by its digest; so it
 * is kept in directions of its own: of the adapter's rank, the last `residual` ones are never trained and hold it, and the others are.
 *
 * With dB̄, dĀ the means of what was trained and weights that sum to 1,
 *
 *     Σ wᵢBᵢAᵢ − B̄Ā = Σ wᵢ(dBᵢ − dB̄)(dAᵢ − dĀ)
 *
 * (nothing large cancels), which has rank (n − 1)·r at most; with what the residual holds already it is a product of two thin stacks, and
 * its best approximation of rank `residual` is kept (Eckart and Young). Exact while the rank suffices. Nodes send the r trained directions
 * only, and the network's adapter has r + residual.
 */

import { CoveyError } from '../../base/errors.ts'
import { type Matrix, zeros } from '../../base/matrix.ts'
import type { LoraEntry, LoraFactor } from '../../types/adapter.ts'
import type { Aggregator } from '../../types/aggregate.ts'
import { modulesOf } from '../modules.ts'
import { addWeightedMean, entryRange } from './mean.ts'
import { writeProduct } from './truncated-product.ts'

const TRAINED: readonly LoraFactor[] = ['A', 'B']

/** @param residual directions that hold it, 1 or more, below the rank */
export function residualSvd(residual: number): Aggregator {
  const trainedDirections = (rank: number): number => {
    if (Number.isInteger(residual) && residual >= 1 && residual < rank) return rank - residual
    throw new CoveyError(
      'E_ARGUMENT',
      `residual-svd: expected 1 to ${rank - 1} directions for the residual, got ${residual}`,
    )
  }
  return {
    rule: 'residual-svd',
    trainedFactors: () => TRAINED,
    trainedDirections,
    aggregate(layout, base, deltas, weights) {
      const trained = trainedDirections(layout.lora.rank)
      const out = addWeightedMean(layout, base, deltas, weights, TRAINED)
      let total = 0
      for (const weight of weights) total += weight
      const shares = weights.map((weight) => weight / total)
      for (const [a, b] of modulesOf(layout)) {
        checkStill(a, b, trained, deltas)
        // nobody moved it: the SVD would turn the factors for nothing
        const [begin, end] = [a.offset, entryRange(b)[1]]
        if (deltas.some((delta) => delta.subarray(begin, end).some((x) => x !== 0)))
          keepResidual(a, b, trained, deltas, shares, out)
      }
      return out
    },
  }
}

function keepResidual(
  a: LoraEntry,
  b: LoraEntry,
  trained: number,
  deltas: readonly Float32Array[],
  shares: readonly number[],
  out: Float32Array,
): void {
  const [rank, inputs] = a.shape
  const outputs = b.shape[0]
  const columns = trained * deltas.length + (rank - trained)
  const left = zeros(outputs, columns) // [w₁(dB₁ − dB̄), …, U]
  const right = zeros(inputs, columns) // [(dA₁ − dĀ)ᵀ, …, V]
  for (let k = 0; k < trained; k++) {
    const rowOfA = (i: number): number => a.offset + k * inputs + i
    const columnOfB = (o: number): number => b.offset + o * rank + k
    spread(right, k, trained, deltas, shares, rowOfA, false)
    spread(left, k, trained, deltas, shares, columnOfB, true)
  }
  for (let k = trained; k < rank; k++) {
    const column = trained * deltas.length + (k - trained)
    for (let o = 0; o < outputs; o++) left.data[column * outputs + o] = out[b.offset + o * rank + k] as number
    for (let i = 0; i < inputs; i++) right.data[column * inputs + i] = out[a.offset + k * inputs + i] as number
  }
  writeProduct(left, right, a, b, trained, out)
}

/** Column n·trained + k of `into`: direction k of delta n minus the mean, times its share where `weighted`. */
function spread(
  into: Matrix,
  k: number,
  trained: number,
  deltas: readonly Float32Array[],
  shares: readonly number[],
  at: (i: number) => number,
  weighted: boolean,
): void {
  for (let i = 0; i < into.rows; i++) {
    let mean = 0
    deltas.forEach((delta, n) => {
      mean += (shares[n] as number) * (delta[at(i)] as number)
    })
    deltas.forEach((delta, n) => {
      const away = (delta[at(i)] as number) - mean
      into.data[(n * trained + k) * into.rows + i] = weighted ? (shares[n] as number) * away : away
    })
  }
}

/** @throws CoveyError E_AGGREGATE when a delta moves the residual */
function checkStill(a: LoraEntry, b: LoraEntry, trained: number, deltas: readonly Float32Array[]): void {
  const [rank, inputs] = a.shape
  deltas.forEach((delta, n) => {
    let still = delta.subarray(a.offset + trained * inputs, a.offset + rank * inputs).every((x) => x === 0)
    for (let o = 0; still && o < b.shape[0]; o++)
      still = delta.subarray(b.offset + o * rank + trained, b.offset + (o + 1) * rank).every((x) => x === 0)
    if (!still)
      throw new CoveyError('E_AGGREGATE', `delta ${n} moves the residual of ${a.module}, which nobody trains`, {
        delta: n,
        tensor: a.name,
      })
  })
}
