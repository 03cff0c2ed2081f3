/**
 * Every family's logits beside those of another program: llama.cpp where it knows the family, and everywhere a float64
 * reference in plain loops. Small random weights, the same on both sides.
 *
 *   npm run test:parity [-- --json]
 *
 * Exit code 1 when a family is further away than the limit.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { livelyModel } from '../support/engine-fixtures.ts'
import { type ConfigJson, FAMILIES, familyConfig } from '../support/families.ts'
import { relativeError, wholeLogits } from '../support/graph-logits.ts'
import { referenceLogits } from '../support/reference.ts'
import { writeGguf } from './gguf.ts'
import { type LlamaCpp, openLlamaCpp } from './llama-cpp.ts'
import { llamaCppLacks, llamaCppModel } from './llama-cpp-model.ts'

/** Largest difference of a logit, relative to the largest logit. */
const LIMIT = 1e-3
const IDS = [5, 6, 7, 30, 2, 9, 11, 12, 13, 14, 3, 3, 8, 21, 35, 4]

interface Parity {
  readonly oracle: 'llama.cpp' | 'reference'
  readonly maxRelLogit: number
  /** the same against the float64 reference */
  readonly reference: number
  /** why llama.cpp was not asked */
  readonly note: string | null
}

async function compare(json: ConfigJson, llama: LlamaCpp | null, folder: string): Promise<Parity> {
  const model = livelyModel(familyConfig(json))
  const places = model.config.plain?.classes === undefined ? [...IDS.keys()] : [0]
  const ours = await wholeLogits(model, IDS, places)
  const reference = relativeError(
    ours,
    referenceLogits(json, (name) => model.tensor(name), IDS),
  )
  const lacks = llama ? llamaCppLacks(json) : 'is not published for this machine'
  if (lacks !== null || !llama) return { oracle: 'reference', maxRelLogit: reference, reference, note: lacks }
  const path = join(folder, 'model.gguf')
  const { metadata, tensors } = llamaCppModel(json, model)
  await writeGguf(path, metadata, tensors)
  const theirs = await llama.logits(path, IDS)
  return { oracle: 'llama.cpp', maxRelLogit: relativeError(ours, theirs), reference, note: null }
}

const { values: args } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
const folder = await mkdtemp(join(tmpdir(), 'covey-parity-'))
const llama = await openLlamaCpp()
const families: Record<string, Parity> = {}
try {
  for (const [name, json] of Object.entries(FAMILIES)) families[name] = await compare(json, llama, folder)
} finally {
  await llama?.close()
  await rm(folder, { recursive: true, force: true })
}

const far = Object.values(families).filter((f) => !(Math.max(f.maxRelLogit, f.reference) <= LIMIT))
if (args.json) console.log(JSON.stringify({ families, limit: LIMIT }))
else {
  console.log(`${'family'.padEnd(22)}${'oracle'.padEnd(12)}max |Δlogit|/max |logit|   float64 reference`)
  for (const [name, { oracle, maxRelLogit, reference, note }] of Object.entries(families)) {
    const why = note === null ? '' : `   llama.cpp ${note}`
    console.log(
      `${name.padEnd(22)}${oracle.padEnd(12)}${maxRelLogit.toExponential(1).padEnd(27)}${reference.toExponential(1)}${why}`,
    )
  }
  console.log(`limit ${LIMIT}: ${far.length === 0 ? 'all within' : `${far.length} beyond`}`)
}
process.exitCode = far.length === 0 ? 0 : 1
