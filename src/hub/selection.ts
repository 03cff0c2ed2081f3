/**
 * Which of a repository's files are needed to train and serve a model, and to know what one may do with it: those beside the
 * weights by their names, then the weights in safetensors, whole or in shards. Folders inside a repository (other formats,
 * training states) are left where they are.
 */
import { CoveyError } from '../base/errors.ts'
import { isFileName } from './names.ts'

export interface Listed {
  readonly path: string
  /** bytes */
  readonly size: number
}

const CONFIG = 'config.json'
const WEIGHTS = 'model.safetensors'
export const INDEX_FILE = 'model.safetensors.index.json'
const TEXTS: ReadonlySet<string> = new Set([
  CONFIG,
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
])
/** What one may do with a model: that travels with it. */
const TERMS = /^(README|LICEN[CS]E|NOTICE|COPYING|USE_POLICY)([.-][A-Za-z0-9_.-]*)?$/i
/** More are no model of a size that Covey trains. */
const MAX_SHARDS = 1000
/** File names in a complaint. */
const SHOWN = 8

/**
 * The files beside the weights, the index of shards among them where it is needed.
 * @param what whose they are, for messages
 * @throws CoveyError E_MODEL_FILE when there is no config.json, or no weights in safetensors
 */
export function textsOf<T extends Listed>(files: readonly T[], what: string): T[] {
  const named = new Map(files.map((file) => [file.path, file]))
  const names = [...named.keys()].filter(isFileName)
  const shown = `${names.slice(0, SHOWN).join(', ')}${names.length > SHOWN ? ', …' : ''}`
  if (!named.has(CONFIG)) {
    throw new CoveyError('E_MODEL_FILE', `${what}: expected ${CONFIG}, found ${shown || 'nothing'}`, { what })
  }
  if (!named.has(WEIGHTS) && !named.has(INDEX_FILE)) {
    const message = `${what}: expected weights in safetensors (${WEIGHTS} or ${INDEX_FILE}), found ${shown || 'nothing'}`
    throw new CoveyError('E_MODEL_FILE', message, { what })
  }
  return files.filter(
    ({ path }) =>
      TEXTS.has(path) || (isFileName(path) && TERMS.test(path)) || (path === INDEX_FILE && needsIndex(files)),
  )
}

/** True for a name whose presence alone changes what a folder is read as. */
export function isModelFile(name: string): boolean {
  return TEXTS.has(name) || name === INDEX_FILE || name.endsWith('.safetensors')
}

/** True when the weights are in shards, which the index names. */
export function needsIndex(files: readonly Listed[]): boolean {
  return !files.some((file) => file.path === WEIGHTS)
}

/**
 * The weight files: model.safetensors, or the shards that the index names.
 * @param index the JSON of model.safetensors.index.json; not looked at when there is a model.safetensors
 * @throws CoveyError E_MODEL_FILE for an index that names no files, or others than the repository has
 */
export function weightsOf<T extends Listed>(files: readonly T[], index: unknown, what: string): T[] {
  const named = new Map(files.map((file) => [file.path, file]))
  const whole = named.get(WEIGHTS)
  if (whole !== undefined) return [whole]
  const map = (index as { weight_map?: unknown } | null)?.weight_map
  const names = map !== null && typeof map === 'object' ? [...new Set(Object.values(map) as unknown[])] : []
  if (names.length === 0 || names.length > MAX_SHARDS) {
    const message = `${what}: ${INDEX_FILE} must name 1 to ${MAX_SHARDS} files in weight_map, it names ${names.length}`
    throw new CoveyError('E_MODEL_FILE', message, { what })
  }
  return names.map((name) => {
    // whoever wrote the index must not choose where files are written
    const shard = typeof name === 'string' && isFileName(name) && name.endsWith('.safetensors') ? named.get(name) : null
    if (shard != null) return shard
    const message = `${what}: ${INDEX_FILE} names ${JSON.stringify(name)}, expected a .safetensors file beside it`
    throw new CoveyError('E_MODEL_FILE', message, { what })
  })
}
