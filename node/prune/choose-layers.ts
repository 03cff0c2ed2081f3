/**
 * Which layers a model misses least: one after the other, that whose absence raises the loss on calibration examples least,
 * measured anew without those that are gone (Kim et al. 2024, arXiv:2402.02834, rank by the same number once). It costs one
 * evaluation for each layer that is left and each that goes, and asks nothing of the model's inside.
 */
import { CoveyError } from '../../src/base/errors.ts'
import { dropLayers } from '../../src/model/derive/prune-layers.ts'
import type { BaseModel } from '../../src/types/model.ts'
import { lossOf, type MeasureSettings } from './measure.ts'

export interface DroppedLayer {
  /** its number in the whole model */
  readonly layer: number
  /** on the calibration examples, without it and those before it */
  readonly loss: number
}

/**
 * @param keep layers that stay
 * @param onCandidate told before each evaluation: how many are done, of how many
 * @returns in the order in which they go
 * @throws CoveyError E_ARGUMENT | E_DATA_EMPTY | E_ENGINE | E_ABORTED
 */
export async function chooseLayers(
  model: BaseModel,
  keep: number,
  settings: MeasureSettings,
  onCandidate: (done: number, total: number) => void,
): Promise<DroppedLayer[]> {
  const { layers } = model.config
  if (!Number.isInteger(keep) || keep < 1 || keep >= layers) {
    throw new CoveyError('E_ARGUMENT', `layers: expected 1 to ${layers - 1} that stay, got ${keep}`, { layers, keep })
  }
  if (settings.examples.length === 0) {
    throw new CoveyError('E_DATA_EMPTY', 'which layers matter is measured: expected examples, got none; give --data')
  }
  const gone: DroppedLayer[] = []
  const left = new Set(Array.from({ length: layers }, (_, i) => i))
  const total = Array.from({ length: layers - keep }, (_, k) => layers - k).reduce((n, x) => n + x, 0)
  let done = 0
  while (left.size > keep) {
    const tried: DroppedLayer[] = []
    for (const layer of left) {
      onCandidate(done++, total)
      const { loss } = await lossOf(dropLayers(model, [...gone.map((g) => g.layer), layer]), settings)
      // a model that overflows is worse than any that does not
      tried.push({ layer, loss: Number.isFinite(loss) ? loss : Number.MAX_VALUE })
    }
    const least = tried.reduce((a, b) => (b.loss < a.loss ? b : a))
    gone.push(least)
    left.delete(least.layer)
  }
  return gone
}
