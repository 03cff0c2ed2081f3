/** The models that were pulled: which there are, and removing one. */
import { CoveyError, isCoveyError } from '../base/errors.ts'
import { withLock } from './lock.ts'
import { type ModelFacts, type ModelSource, readManifest, readPlan } from './manifest.ts'
import { bytesIn, type Places, placesIn, placesOf, removeFolder } from './places.ts'
import { sizeProblem } from './verify.ts'

export interface LibraryEntry {
  readonly name: string
  readonly dir: string
  /** complete: every file has its size; damaged: one has not; partial: a pull has not finished */
  readonly state: 'complete' | 'damaged' | 'partial'
  /** null unless damaged */
  readonly problem: string | null
  /** null when the manifest is broken */
  readonly source: ModelSource | null
  /** null while it is not known */
  readonly model: ModelFacts | null
  /** on the disk */
  readonly bytes: number
  /** when it is whole; null when that is not known */
  readonly totalBytes: number | null
}

/** What a library holds, by name; a model that is being replaced by a newer version is there twice. @throws CoveyError E_DISK */
export async function listModels(models: string): Promise<LibraryEntry[]> {
  const entries: LibraryEntry[] = []
  for (const places of await placesIn(models)) {
    const whole = await wholeEntry(places)
    const partial = await partialEntry(places)
    entries.push(...[whole, partial].filter((entry) => entry !== null))
  }
  return entries
}

/**
 * Removes a model, whole or begun.
 * @returns the bytes that it had
 * @throws CoveyError E_ARGUMENT when there is none, E_LOCKED, E_DISK
 */
export async function removeModel(models: string, name: string): Promise<number> {
  const places = placesOf(models, name)
  return await withLock(places.lock, name, async () => {
    const bytes = (await bytesIn(places.folder)) + (await bytesIn(places.partial))
    if (bytes === 0) throw new CoveyError('E_ARGUMENT', `${models} has no model ${name}`, { models, name })
    await removeFolder(places, places.folder)
    await removeFolder(places, places.partial)
    return bytes
  })
}

async function wholeEntry({ folder, name }: Places): Promise<LibraryEntry | null> {
  const bytes = await bytesIn(folder)
  const common = { name, dir: folder, bytes }
  try {
    const manifest = await readManifest(folder)
    if (manifest === null) return null
    const totalBytes = manifest.files.reduce((sum, file) => sum + file.size, 0)
    const { source, model } = manifest
    for (const { path, size } of manifest.files) {
      const problem = await sizeProblem(folder, path, size)
      if (problem === null) continue
      return { ...common, state: 'damaged', problem: `${path}: ${problem}`, source, model, totalBytes }
    }
    return { ...common, state: 'complete', problem: null, source, model, totalBytes }
  } catch (error) {
    if (!isCoveyError(error, 'E_CORRUPT')) throw error
    return { ...common, state: 'damaged', problem: error.message, source: null, model: null, totalBytes: null }
  }
}

async function partialEntry({ partial, name }: Places): Promise<LibraryEntry | null> {
  const bytes = await bytesIn(partial)
  const common = { name, dir: partial, bytes, state: 'partial', problem: null, model: null } as const
  try {
    const plan = await readPlan(partial)
    if (plan === null && bytes === 0) return null
    const totalBytes = plan?.files.reduce((sum, file) => sum + file.size, 0) ?? null
    return { ...common, source: plan?.source ?? null, totalBytes }
  } catch (error) {
    if (!isCoveyError(error, 'E_CORRUPT')) throw error
    return { ...common, source: null, totalBytes: null }
  }
}
