/**
 * An adapter of any method as one blob: its settings (canonical JSON in the metadata) and its tensors in float32, as
 * safetensors in one spelling. What reads it needs nothing else but the base model.
 */
import { z } from 'zod'
import { bytesOf, equalBytes } from '../base/bytes.ts'
import { canonicalJson } from '../base/canonical.ts'
import { CoveyError, isCoveyError, messageOf } from '../base/errors.ts'
import { encodeSafetensors, parseSafetensors, toFloat32 } from '../base/safetensors.ts'
import type { Adapter, MethodSettings } from '../types/adapter.ts'
import type { BaseModel } from '../types/model.ts'
import { entryValues } from './layout.ts'
import { methodLayout } from './methods.ts'

const FORMAT = 'covey-adapter'
/** Names of modules and numbers of layers in one list. */
const MAX_LIST = 1024
const MAX_WIDTH = 65_536

const names = z.array(z.string().min(1).max(256)).max(MAX_LIST)
const seed = z.int().min(0).max(4_294_967_295)
const lora = z.strictObject({
  rank: z.int().min(1).max(MAX_WIDTH),
  alpha: z.number().positive().max(MAX_WIDTH),
  rsLora: z.boolean(),
  dropout: z.number().min(0).max(0.9),
  targets: names.min(1),
  seed,
})
const virtual = z.strictObject({ tokens: z.int().min(1).max(4_096), seed })
const settings = z.discriminatedUnion('method', [
  z.strictObject({ method: z.literal('lora'), lora }),
  z.strictObject({ method: z.literal('dora'), lora }),
  z.strictObject({ method: z.literal('ia3'), ia3: z.strictObject({ targets: names, feedforward: names }) }),
  z.strictObject({
    method: z.literal('bottleneck'),
    bottleneck: z.strictObject({
      placement: z.enum(['houlsby', 'pfeiffer']),
      width: z.int().min(1).max(MAX_WIDTH),
      activation: z.enum(['silu', 'gelu', 'gelu-tanh', 'relu']),
      seed,
    }),
  }),
  z.strictObject({ method: z.literal('prefix'), virtual }),
  z.strictObject({ method: z.literal('prompt'), virtual }),
  z.strictObject({
    method: z.literal('selective'),
    selective: z.strictObject({ modules: names, layers: z.array(z.int().min(0)).max(MAX_LIST) }),
  }),
  z.strictObject({ method: z.literal('full') }),
]) satisfies z.ZodType<MethodSettings>

/** The one spelling of an adapter. @throws CoveyError E_ADAPTER when a value is not finite */
export function packAdapter(adapter: Adapter): Uint8Array {
  const { entries, size: _, ...method } = adapter.layout
  if (!adapter.values.every(Number.isFinite)) throw new CoveyError('E_ADAPTER', 'adapter: expected finite values')
  const tensors = entries.map((entry) => ({
    name: entry.name,
    dtype: 'F32' as const,
    shape: entry.shape,
    bytes: bytesOf(entryValues(adapter.values, entry)),
  }))
  return encodeSafetensors(tensors, { format: FORMAT, settings: canonicalJson(method) })
}

/**
 * An adapter out of a stranger's bytes: of any known method, for this base, finite, in the one spelling.
 * @throws CoveyError E_ADAPTER
 */
export function unpackAdapter(bytes: Uint8Array, base: BaseModel): Adapter {
  try {
    const { header, bytes: dataOf } = parseSafetensors(bytes)
    if (header.metadata.format !== FORMAT)
      throw new CoveyError('E_ADAPTER', `expected a blob of the format ${FORMAT}, got ${header.metadata.format}`)
    const layout = methodLayout(base, settings.parse(JSON.parse(header.metadata.settings ?? '')))
    const values = new Float32Array(layout.size)
    for (const entry of layout.entries) {
      const data = dataOf(entry.name)
      const info = header.tensors.get(entry.name)
      if (data === undefined || info?.dtype !== 'F32' || info.shape.join() !== entry.shape.join())
        throw new CoveyError('E_ADAPTER', `${entry.name}: expected F32 [${entry.shape.join(', ')}]`)
      entryValues(values, entry).set(toFloat32('F32', data))
    }
    const adapter = { layout, values } as Adapter
    if (!equalBytes(packAdapter(adapter), bytes))
      throw new CoveyError('E_ADAPTER', 'expected the one spelling of these values, got another')
    return adapter
  } catch (cause) {
    if (isCoveyError(cause, 'E_ADAPTER')) throw cause
    throw new CoveyError('E_ADAPTER', `not an adapter for ${base.name}: ${messageOf(cause)}`, {}, { cause })
  }
}
