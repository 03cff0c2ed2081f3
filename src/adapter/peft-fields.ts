/** Fields that adapter_config.json has in several of PEFT's methods. */
import { z } from 'zod'
import { CoveyError } from '../base/errors.ts'

/** names of linear layers: a family has about ten */
const MAX_TARGETS = 64
const MAX_TARGET = 256

export const targetNames = z.array(z.string().max(MAX_TARGET)).min(1).max(MAX_TARGETS)

/** A field whose being there would change the computation. */
export const absent = z
  .union([z.null(), z.literal(false), z.array(z.unknown()).max(0), z.record(z.string(), z.never())])
  .optional()

/** In the model's order, each once. @throws CoveyError E_ADAPTER for a name that is no linear layer of the model */
export function onceTargets(names: readonly string[], known: readonly string[], field = 'target_modules'): string[] {
  const unknown = names.find((t) => !known.includes(t))
  if (unknown === undefined) return known.filter((t) => names.includes(t))
  throw new CoveyError(
    'E_ADAPTER',
    `${field}: expected linear layers of the model (${known.join(', ')}), got ${JSON.stringify(unknown)}`,
    { unknown, known },
  )
}
