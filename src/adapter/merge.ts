/** A base with an adapter folded into its weights: what is served and exported. */
import { digestOfJson } from '../base/canonical.ts'
import type { Adapter } from '../types/adapter.ts'
import type { BaseModel } from '../types/model.ts'
import { adapterDigest } from './delta.ts'
import { mergedTensors, methodOf } from './methods.ts'

/**
 * Tensors are merged when they are asked for and not kept; the adapter's values are copied now. Sums in float64, one
 * rounding to float32.
 * @returns digest: sha256 of the canonical JSON {base, adapter, merged: 1}; a folder written from it has its own
 * @throws CoveyError E_ADAPTER when it does not fit the base, or its method cannot be merged
 */
export function mergeAdapter(base: BaseModel, adapter: Adapter): BaseModel {
  const changed = mergedTensors(base, { layout: adapter.layout, values: adapter.values.slice() })
  return {
    config: base.config,
    digest: digestOfJson({ base: base.digest, adapter: adapterDigest(adapter), merged: 1 }),
    name: `${base.name}-merged`,
    dir: null,
    tensorNames: base.tensorNames,
    shape: (name) => base.shape(name),
    tensor(name) {
      const weights = base.tensor(name)
      return changed.get(name)?.(weights) ?? weights
    },
  }
}

/**
 * What decodes fastest: LoRA, which is exchanged while a model is served, and what cannot be merged stay beside the base;
 * of every other method each token would compute whole matrices anew, so it is merged.
 * @throws CoveyError E_ADAPTER when it does not fit the base
 */
export function foldForDecoding(
  base: BaseModel,
  adapter: Adapter | null,
): { readonly model: BaseModel; readonly beside: Adapter | null } {
  const stays = adapter === null || adapter.layout.method === 'lora' || !methodOf(adapter.layout.method).merged
  return stays ? { model: base, beside: adapter } : { model: mergeAdapter(base, adapter), beside: null }
}
