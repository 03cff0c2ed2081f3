/** The families that Covey knows. One call adds another. */
import { CoveyError } from '../base/errors.ts'
import type { Architecture } from './architecture.ts'
import { llama } from './llama.ts'

const known = new Map<string, Architecture>()

/** Adds a family. @throws CoveyError E_ARGUMENT when the name is taken */
export function registerArchitecture(architecture: Architecture): void {
  if (known.has(architecture.name)) {
    throw new CoveyError('E_ARGUMENT', `architecture ${architecture.name} is registered already`)
  }
  known.set(architecture.name, architecture)
}

/** @throws CoveyError E_MODEL_ARCHITECTURE with the list of those known */
export function architectureFor(name: string): Architecture {
  const found = known.get(name)
  if (found) return found
  const names = [...known.keys()]
  throw new CoveyError(
    'E_MODEL_ARCHITECTURE',
    `the model's architecture is ${JSON.stringify(name)}; Covey knows: ${names.join(', ')}`,
    { name, known: names },
  )
}

registerArchitecture(llama)
