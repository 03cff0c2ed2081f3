/** Sliding windows in config.json: `sliding_window`, and which layers have one (`layer_types`, or a rule of the family). */
import { z } from 'zod'
import type { SlidingWindow } from '../../types/model.ts'
import { configError, type Json, parseFields, positionCount, unsupported } from './fields.ts'

const FULL = 'full_attention'
const SLIDING = 'sliding_attention'

const fields = z.object({
  sliding_window: positionCount.nullish(),
  layer_types: z.array(z.string()).max(512).nullish(),
})

/**
 * @param byRule whether layer i has the window where config.json does not list the kinds of layers
 * @returns null when no layer has one
 * @throws CoveyError E_MODEL_FILE | E_MODEL_ARCHITECTURE
 */
export function readWindow(json: Json, layerCount: number, byRule: (layer: number) => boolean): SlidingWindow | null {
  const c = parseFields(fields, json)
  if (c.layer_types && c.layer_types.length !== layerCount) {
    throw configError(`layer_types: expected ${layerCount} entries, got ${c.layer_types.length}`)
  }
  const other = c.layer_types?.find((kind) => kind !== FULL && kind !== SLIDING)
  if (other !== undefined) throw unsupported(`layer_types holds ${other}`)
  const layers = Array.from({ length: layerCount }, (_, i) =>
    c.layer_types ? c.layer_types[i] === SLIDING : byRule(i),
  )
  if (!layers.includes(true)) return null
  if (c.sliding_window == null) {
    if (c.layer_types) throw configError('sliding_window: expected a number, since layer_types names sliding_attention')
    return null
  }
  return { size: c.sliding_window, layers }
}

/** What `layer_types` says. */
export function layerTypes(layers: readonly boolean[]): string[] {
  return layers.map((sliding) => (sliding ? SLIDING : FULL))
}
