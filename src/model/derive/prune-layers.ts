/**
 * A model without some of its layers (Men et al. 2024, arXiv:2403.03853): the others move together and keep their weights.
 * It is a model of the same family, which every tool reads that read the first.
 */
import { digestOfJson } from '../../base/canonical.ts'
import { CoveyError } from '../../base/errors.ts'
import type { BaseModel, ModelConfig } from '../../types/model.ts'
import { architectureFor } from '../families/architectures.ts'
import { inOtherBlock } from './blocks.ts'

/**
 * @param dropped numbers of layers, from 0
 * @throws CoveyError E_ARGUMENT for a number that is none or is there twice, or when no layer would stay
 */
export function dropLayers(base: BaseModel, dropped: readonly number[]): BaseModel {
  const { layers } = base.config
  for (const layer of dropped)
    if (!Number.isInteger(layer) || layer < 0 || layer >= layers) {
      const message = `layers to drop: expected numbers from 0 to ${layers - 1}, got ${layer}`
      throw new CoveyError('E_ARGUMENT', message, { layer, layers })
    }
  if (new Set(dropped).size !== dropped.length)
    throw new CoveyError('E_ARGUMENT', `layers to drop: expected each once, got ${dropped.join(', ')}`)
  const kept = Array.from({ length: layers }, (_, i) => i).filter((i) => !dropped.includes(i))
  if (kept.length === 0)
    throw new CoveyError('E_ARGUMENT', `layers to drop: expected fewer than the model's ${layers}, so that one stays`)
  const config = configOf(base.config, kept)
  const tensorNames = [...architectureFor(config.architecture).tensorShapes(config).keys()]
  const before = (name: string): string => inOtherBlock(name, (block) => kept[block] ?? layers)
  const { rounded } = base
  return {
    config,
    digest: digestOfJson({ base: base.digest, kept }),
    name: `${base.name}-${kept.length}-layers`,
    dir: null,
    tensorNames,
    shape: (name) => base.shape(before(name)),
    tensor: (name) => base.tensor(before(name)),
    ...(rounded && { rounded: (name: string) => rounded.call(base, before(name)) }),
  }
}

/** A window that no layer has any more goes, too: config.json could not tell it from none. */
function configOf({ window, ...config }: ModelConfig, kept: readonly number[]): ModelConfig {
  const layers = kept.length
  if (window === undefined) return { ...config, layers }
  const of = kept.map((i) => window.layers[i] ?? false)
  return { ...config, layers, ...(of.includes(true) ? { window: { ...window, layers: of } } : {}) }
}
