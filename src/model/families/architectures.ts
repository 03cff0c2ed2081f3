/** The families that Covey knows. One call adds another. */
import { CoveyError } from '../../base/errors.ts'
import type { Architecture } from './architecture.ts'
import { distilbertForClassification, distilbertForMaskedTokens } from './distilbert.ts'
import { gemma3 } from './gemma3.ts'
import { granite } from './granite.ts'
import { llama } from './llama.ts'
import { mistral } from './mistral.ts'
import { opt } from './opt.ts'
import { phi3 } from './phi3.ts'
import { qwen2 } from './qwen2.ts'
import { qwen3 } from './qwen3.ts'

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

const FAMILIES = [
  llama,
  mistral,
  qwen2,
  qwen3,
  gemma3,
  phi3,
  granite,
  opt,
  distilbertForClassification,
  distilbertForMaskedTokens,
]
for (const family of FAMILIES) registerArchitecture(family)
