/**
 * Weights of the base with a change of their own: some of them (selective), or all (full fine-tuning). The flat vector holds
 * the change, so that it begins at 0 and two of them can be averaged; the base stays what it was.
 */
import { CoveyError } from '../../base/errors.ts'
import type { LayoutOf, SelectiveConfig } from '../../types/adapter.ts'
import type { BaseModel } from '../../types/model.ts'
import { checkNames, refuse } from '../checks.ts'
import { entryValues, laid } from '../layout.ts'
import type { MergedTensors, Method, ModelShapes } from '../method.ts'

/** `q_proj` of `model.layers.0.self_attn.q_proj.weight` */
function moduleName(tensor: string): string {
  const parts = tensor.split('.')
  return parts.at(-2) ?? tensor
}

function layerOf(tensor: string): number | null {
  const found = /\.(\d+)\./.exec(tensor)
  return found ? Number(found[1]) : null
}

function laidOut(model: ModelShapes, names: readonly string[]) {
  return laid(names.map((name) => ({ name, module: name, shape: model.shape(name) })))
}

function namesOf({ config, tensorNames }: ModelShapes, { modules, layers }: SelectiveConfig): string[] {
  checkNames('modules', modules, [...new Set(tensorNames.map(moduleName))], 0)
  for (const layer of layers)
    if (!Number.isInteger(layer) || layer < 0 || layer >= config.layers)
      refuse('layers', `numbers from 0 to ${config.layers - 1}`, layer)
  const names = tensorNames.filter((name) => {
    const layer = layerOf(name)
    const here = layers.length === 0 || (layer !== null && layers.includes(layer))
    return here && (modules.length === 0 || modules.includes(moduleName(name)))
  })
  if (names.length === 0) refuse('modules', `some that the layers ${layers.join(', ')} have`, modules)
  return names
}

function merged(base: BaseModel, { entries }: LayoutOf<'selective' | 'full'>, values: Float32Array): MergedTensors {
  return new Map(
    entries.map((entry) => {
      const change = entryValues(values, entry)
      const got = base.tensorNames.includes(entry.name) ? base.shape(entry.name).join(', ') : 'no such tensor'
      if (got !== entry.shape.join(', ')) {
        const wants = entry.shape.join(', ')
        const message = `${entry.name}: the adapter wants [${wants}], base ${base.name} has [${got}]`
        throw new CoveyError('E_ADAPTER', message, { tensor: entry.name })
      }
      return [entry.name, (w) => w.map((x, i) => x + (change[i] as number))]
    }),
  )
}

const untrained = (_model: BaseModel, { size }: { readonly size: number }): Float32Array => new Float32Array(size)

export const selective: Method<'selective'> = {
  layout: (model, { selective }) => ({
    method: 'selective',
    selective,
    ...laidOut(model, namesOf(model, selective)),
  }),
  untrained,
  merged,
}

export const full: Method<'full'> = {
  layout: (model) => ({ method: 'full', ...laidOut(model, model.tensorNames) }),
  untrained,
  merged,
}
