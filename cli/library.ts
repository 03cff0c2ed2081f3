/** Where pulled models are, and what a name given as `--model` stands for. */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { CoveyError } from '../src/base/errors.ts'
import { folderOf } from '../src/hub/places.ts'
import { DEFAULT_ENDPOINT, parseEndpoint } from '../src/hub/source.ts'
import type { Config } from './config.ts'

/** Inside a data directory. */
const LIBRARY = 'models'

/**
 * The folders in which a model's name is looked up, in this order; new ones go to the first. With a data directory of one's own
 * the common library in ~/.covey is looked at, too: several nodes of a machine need one copy of a model.
 */
export function libraryFolders(config: Config): readonly [string, ...string[]] {
  const { models } = config.settings
  if (models !== undefined) return [resolve(models)]
  const [own, common] = [join(config.dir, LIBRARY), join(homedir(), '.covey', LIBRARY)]
  return own === common ? [own] : [own, common]
}

/** A pulled model's folder for its name; a folder, or what is neither, as it is: whoever opens it says what is missing. */
export function resolveModel(model: string, libraries: readonly string[]): string {
  if (existsSync(model)) return model
  return libraries.map((library) => folderOf(library, model)).find((folder) => folder !== null) ?? model
}

/** The library that has a model, and its folder there. @throws CoveyError E_ARGUMENT when none has it whole */
export function findModel(name: string, libraries: readonly string[]): string {
  const folder = libraries.map((library) => folderOf(library, name)).find((found) => found !== null)
  if (folder != null) return folder
  const message = `no pulled model is called ${JSON.stringify(name)} in ${libraries.join(' or ')}: \`covey model list\` shows those there are`
  throw new CoveyError('E_ARGUMENT', message, { name })
}

/** The hub: from --endpoint, COVEY_ENDPOINT, HF_ENDPOINT (what Hugging Face's own tools go by), covey.json, in this order. @throws CoveyError E_ARGUMENT */
export function endpointOf(config: Config, env: Readonly<Record<string, string | undefined>>): string {
  const { endpoint } = config.settings
  const ours = config.sources.endpoint === '--endpoint' || config.sources.endpoint === 'COVEY_ENDPOINT'
  const other = env.HF_ENDPOINT === '' ? undefined : env.HF_ENDPOINT
  return parseEndpoint((ours ? endpoint : (other ?? endpoint)) ?? DEFAULT_ENDPOINT)
}
