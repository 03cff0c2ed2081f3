/**
 * Where a library of models keeps what: `MODELS/org/name` is a model, whole and checked, or it is not there. One on its way is
 * in `MODELS/.partial/org/name` and moves in one step. Names of models do not begin with a dot, so nothing here collides.
 */

import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isMissing, withDisk } from '../base/disk.ts'
import { syncFolder } from '../base/files.ts'
import { MANIFEST_FILE } from './manifest.ts'
import { assertModelName, isModelName } from './names.ts'

const PARTIAL = '.partial'
const LOCKS = '.lock'
const TRASH = '.trash-'

export interface Places {
  readonly models: string
  readonly name: string
  /** the model */
  readonly folder: string
  /** while it is not whole */
  readonly partial: string
  readonly lock: string
}

/** @param models the library's folder @throws CoveyError E_ARGUMENT */
export function placesOf(models: string, name: string): Places {
  const parts = assertModelName(name).split('/')
  return {
    models,
    name,
    folder: join(models, ...parts),
    partial: join(models, PARTIAL, ...parts),
    lock: join(models, LOCKS, ...parts),
  }
}

/** The folder of a pulled model; null when the library has none of that name, or only part of it. */
export function folderOf(models: string, name: string): string | null {
  if (!isModelName(name)) return null
  const { folder } = placesOf(models, name)
  return existsSync(join(folder, MANIFEST_FILE)) ? folder : null
}

/** The places of every model that is there, whole or in part, sorted by name. @throws CoveyError E_DISK */
export async function placesIn(models: string): Promise<Places[]> {
  const names = new Set<string>()
  for (const root of [models, join(models, PARTIAL)]) {
    for (const org of await foldersIn(root)) {
      for (const name of await foldersIn(join(root, org))) {
        if (isModelName(`${org}/${name}`)) names.add(`${org}/${name}`)
      }
    }
  }
  return [...names].sort().map((name) => placesOf(models, name))
}

/** Puts the partial folder where the model belongs, in place of one that is there. @throws CoveyError E_DISK */
export async function moveIn(places: Places): Promise<void> {
  await withDisk(places.folder, async () => {
    await syncFolder(places.partial)
    await mkdir(dirname(places.folder), { recursive: true, mode: 0o700 })
    // a folder cannot replace another one that holds files
    await moveAway(places, places.folder)
    await rename(places.partial, places.folder)
    await syncFolder(dirname(places.folder))
  })
  await sweep(places)
}

/** Removes a folder of the library as a whole: a crash does not leave half of it under its name. @throws CoveyError E_DISK */
export async function removeFolder(places: Places, folder: string): Promise<void> {
  await withDisk(folder, () => moveAway(places, folder))
  await sweep(places)
}

/** Bytes of the files in a folder; 0 when there is none. @throws CoveyError E_DISK */
export async function bytesIn(dir: string): Promise<number> {
  return await withDisk(dir, async () => {
    let bytes = 0
    for (const name of await namesIn(dir)) bytes += (await stat(join(dir, name))).size
    return bytes
  })
}

/** What a folder holds; nothing when there is none. */
export async function namesIn(dir: string): Promise<string[]> {
  return await readdir(dir).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })
}

async function moveAway(places: Places, folder: string): Promise<void> {
  try {
    await rename(folder, join(places.models, `${TRASH}${randomBytes(6).toString('hex')}`))
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

/** Deletes what was moved away, now or before a crash, and folders that are empty now. What fails is left for the next time. */
async function sweep(places: Places): Promise<void> {
  for (const name of await namesIn(places.models).catch(() => [])) {
    if (name.startsWith(TRASH)) await rm(join(places.models, name), { recursive: true, force: true }).catch(() => {})
  }
  for (const place of [places.folder, places.partial]) await rmdir(dirname(place)).catch(() => {})
}

async function foldersIn(dir: string): Promise<string[]> {
  return await withDisk(dir, async () => {
    const entries = await readdir(dir, { withFileTypes: true }).catch((error: unknown) => {
      if (isMissing(error)) return []
      throw error
    })
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  })
}
