/** Takes a model folder of this machine into the library: copies it, or gives its files a second name. */
import { createReadStream } from 'node:fs'
import { link, readdir, realpath, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { throwIfAborted } from '../base/abort.ts'
import { systemClock } from '../base/clock.ts'
import { withDisk } from '../base/disk.ts'
import { CoveyError, isCoveyError } from '../base/errors.ts'
import type { Clock } from '../types/clock.ts'
import { type Collected, type CollectOptions, collect } from './collect.ts'
import { FileHasher, hashInto } from './digests.ts'
import { HUB_LIMITS, type HubLimits } from './limits.ts'
import { isFileName, pathInside } from './names.ts'
import { PartFile, type WantedFile } from './part-file.ts'

export interface ImportOptions extends Omit<CollectOptions, 'limits' | 'clock'> {
  /** a folder in Hugging Face's layout; links in it are followed, as Hugging Face's cache has them */
  readonly folder: string
  /** true: hard links, which take no room and change with the file that they were made from */
  readonly link: boolean
  readonly limits?: HubLimits
  readonly clock?: Clock
}

const READ_BYTES = 1 << 20

/** @throws CoveyError E_MODEL_FILE | E_TOO_LARGE | E_DISK | E_LOCKED | E_ABORTED, or what `checks` throws */
export async function importModel(options: ImportOptions): Promise<Collected> {
  const { folder: given, link: linked, limits = HUB_LIMITS, clock = systemClock, ...rest } = options
  const folder = resolve(given)
  return await collect(
    { ...rest, limits, clock },
    {
      what: folder,
      source: { kind: 'folder', folder },
      files: await filesIn(folder),
      // one disk does not read faster for two
      parallel: 1,
      takesRoom: !linked,
      // its files may have changed
      isSame: () => false,
      async bring(file, { partial }, signal, count) {
        const from = await withDisk(folder, () => realpath(join(folder, file.path)))
        const onBytes = (bytes: number): void => count(bytes, true)
        if (linked) return await linkFile(file, from, partial, signal, onBytes)
        return await copyFile(file, from, partial, signal, onBytes)
      },
    },
  )
}

async function filesIn(folder: string): Promise<WantedFile[]> {
  return await withDisk(folder, async () => {
    const files: WantedFile[] = []
    for (const path of (await readdir(folder)).filter(isFileName)) {
      const found = await stat(join(folder, path))
      if (found.isFile()) files.push({ path, size: found.size, expected: null })
    }
    return files
  })
}

async function linkFile(
  file: WantedFile,
  from: string,
  dir: string,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const target = pathInside(dir, file.path)
  await withDisk(target, async () => {
    await rm(target, { force: true })
    await link(from, target)
  })
  const hasher = new FileHasher(file.size, null)
  await hashInto(hasher, target, file.size, signal, onBytes)
  return hasher.sha256()
}

async function copyFile(
  file: WantedFile,
  from: string,
  dir: string,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const part = await PartFile.open(dir, file, signal)
  try {
    await withDisk(from, async () => {
      for await (const chunk of createReadStream(from, { highWaterMark: READ_BYTES })) {
        throwIfAborted(signal)
        await part.append(chunk as Uint8Array)
        onBytes((chunk as Uint8Array).byteLength)
      }
    })
    return await part.finish()
  } catch (cause) {
    if (!isCoveyError(cause, 'E_HUB_DIGEST')) throw cause
    throw new CoveyError('E_MODEL_FILE', `${from} changed while it was copied`, { from }, { cause })
  } finally {
    await part.close()
  }
}
