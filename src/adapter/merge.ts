/** A base with an adapter folded into its weights: W + s·B·A, what is served and exported. */
import { digestOfJson } from '../base/canonical.ts'
import { CoveyError } from '../base/errors.ts'
import type { Adapter, AdapterEntry } from '../types/adapter.ts'
import type { BaseModel } from '../types/model.ts'
import { adapterDigest } from './delta.ts'
import { entryValues, loraScale } from './layout.ts'

/**
 * Tensors are merged when they are asked for and not kept; the adapter's values are copied now. Sums in float64, one
 * rounding to float32.
 * @returns digest: sha256 of the canonical JSON {base, adapter, merged: 1}; a folder written from it has its own
 * @throws CoveyError E_ADAPTER when a factor does not fit the base
 */
export function mergeAdapter(base: BaseModel, adapter: Adapter): BaseModel {
  const { layout } = adapter
  const values = adapter.values.slice()
  const scale = loraScale(layout.lora)
  const modules = new Map<string, { a?: AdapterEntry; b?: AdapterEntry }>()
  for (const entry of layout.entries) {
    const weight = `${entry.module}.weight`
    const pair = modules.get(weight) ?? {}
    modules.set(weight, entry.factor === 'A' ? { ...pair, a: entry } : { ...pair, b: entry })
  }
  for (const [weight, { a, b }] of modules) checkFits(base, weight, a, b)
  return {
    config: base.config,
    digest: digestOfJson({ base: base.digest, adapter: adapterDigest(adapter), merged: 1 }),
    name: `${base.name}-merged`,
    dir: null,
    tensorNames: base.tensorNames,
    shape: (name) => base.shape(name),
    tensor(name) {
      const pair = modules.get(name)
      const weights = base.tensor(name)
      if (!pair?.a || !pair.b) return weights
      return addProduct(weights, entryValues(values, pair.a), entryValues(values, pair.b), layout.lora.rank, scale)
    },
  }
}

/** W (out, in) + scale·B (out, rank)·A (rank, in). */
function addProduct(w: Float32Array, a: Float32Array, b: Float32Array, rank: number, scale: number): Float32Array {
  const inputs = a.length / rank
  const outputs = b.length / rank
  // the base may hand out an array that it keeps
  const merged = new Float32Array(w.length)
  const row = new Float64Array(inputs)
  for (let o = 0; o < outputs; o++) {
    row.fill(0)
    for (let k = 0; k < rank; k++) {
      const x = b[o * rank + k] as number
      if (x === 0) continue
      for (let i = 0; i < inputs; i++) row[i] = (row[i] as number) + x * (a[k * inputs + i] as number)
    }
    const at = o * inputs
    for (let i = 0; i < inputs; i++) merged[at + i] = (w[at + i] as number) + scale * (row[i] as number)
  }
  return merged
}

function checkFits(base: BaseModel, weight: string, a: AdapterEntry | undefined, b: AdapterEntry | undefined): void {
  const shape = base.tensorNames.includes(weight) ? base.shape(weight) : null
  const fits = shape && a && b && shape[0] === b.shape[0] && shape[1] === a.shape[1]
  if (!fits) {
    const wants = a && b ? `[${b.shape[0]}, ${a.shape[1]}]` : 'both lora_A and lora_B'
    const got = shape ? `[${shape.join(', ')}]` : 'no such tensor'
    throw new CoveyError('E_ADAPTER', `${weight}: the adapter wants ${wants}, base ${base.name} has ${got}`, {
      tensor: weight,
    })
  }
}
