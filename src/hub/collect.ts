/**
 * Brings a model's files together and moves them into the library: first what lies beside the weights, so that a model that
 * Covey cannot use is refused before its gigabytes come; then the weights; then the model is opened once.
 */
import { mkdir, readFile, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { throwIfAborted } from '../base/abort.ts'
import { isMissing, withDisk } from '../base/disk.ts'
import { CoveyError, messageOf } from '../base/errors.ts'
import type { Clock } from '../types/clock.ts'
import type { HubLimits } from './limits.ts'
import { withLock } from './lock.ts'
import {
  type Manifest,
  type ModelFacts,
  type ModelSource,
  PLAN_FILE,
  readManifest,
  writeManifest,
  writePlan,
} from './manifest.ts'
import { inParallel } from './parallel.ts'
import { partName, type WantedFile } from './part-file.ts'
import { moveIn, namesIn, type Places, placesOf } from './places.ts'
import { INDEX_FILE, isModelFile, needsIndex, textsOf, weightsOf } from './selection.ts'
import { checkFiles } from './verify.ts'

/** What this floor does not know about models; the command gives it. */
export interface ModelChecks {
  /** looks at a folder that has everything but the weights @throws when Covey cannot use such a model */
  texts(dir: string): Promise<void>
  /** opens a whole folder @throws when it is no model that Covey can use */
  model(dir: string, signal: AbortSignal | undefined): Promise<ModelFacts>
}

export interface PullProgress {
  /** bytes that are there, checked ones of earlier runs included */
  readonly done: number
  /** bytes of all files known to be wanted so far */
  readonly total: number
  /** bytes that this run brought */
  readonly fresh: number
}

export interface CollectOptions {
  /** the library's folder */
  readonly models: string
  /** what the model is called in it: org/name */
  readonly name: string
  readonly checks: ModelChecks
  readonly limits: HubLimits
  readonly clock: Clock
  readonly onProgress?: ((progress: PullProgress) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** Where files come from. */
export interface Origin {
  /** for messages */
  readonly what: string
  readonly source: ModelSource
  readonly files: readonly WantedFile[]
  /** files brought at once */
  readonly parallel: number
  /** false: bringing a file takes no room on the disk */
  readonly takesRoom: boolean
  /** true for a source that stands for exactly the same files */
  isSame(source: ModelSource): boolean
  /**
   * Puts a file into the partial folder.
   * @param count bytes that are there; `fresh` = this run brought them
   * @returns its sha256, hex
   */
  bring(
    file: WantedFile,
    places: Places,
    signal: AbortSignal,
    count: (bytes: number, fresh: boolean) => void,
  ): Promise<string>
}

export interface Collected {
  readonly manifest: Manifest
  readonly dir: string
  /** bytes that this run brought */
  readonly fresh: number
  /** everything was there already */
  readonly unchanged: boolean
}

/** @throws CoveyError E_MODEL_FILE | E_TOO_LARGE | E_DISK | E_LOCKED | E_ABORTED, or what `origin` and `checks` throw */
export async function collect(options: CollectOptions, origin: Origin): Promise<Collected> {
  const places = placesOf(options.models, options.name)
  // before anything is written
  const texts = textsOf(origin.files, origin.what)
  for (const file of texts) assertAtMost(file.size, options.limits.textBytes, `${origin.what}/${file.path}`)
  return await withLock(places.lock, options.name, async () => {
    const installed = await installedSame(places, origin, options)
    if (installed !== null) return { manifest: installed, dir: places.folder, fresh: 0, unchanged: true }
    try {
      return await bringAll(options, origin, places, texts)
    } catch (error) {
      await dropEmpty(places.partial).catch(() => undefined)
      throw error
    }
  })
}

async function bringAll(
  options: CollectOptions,
  origin: Origin,
  places: Places,
  texts: readonly WantedFile[],
): Promise<Collected> {
  const { checks, limits, signal } = options
  const { source, what } = origin
  const { partial, name } = places
  const digests = new Map<string, string>()
  const tally = { done: 0, total: 0, fresh: 0 }
  const bring = async (files: readonly WantedFile[]): Promise<void> => {
    tally.total += sizeOf(files)
    await inParallel(files, origin.parallel, signal, async (file, inner) => {
      const digest = await origin.bring(file, places, inner, (bytes, fresh) => {
        tally.done += bytes
        if (fresh) tally.fresh += bytes
        options.onProgress?.({ ...tally })
      })
      digests.set(file.path, digest)
    })
  }
  const plan = (files: readonly WantedFile[]): Promise<void> =>
    writePlan(partial, { version: 1, name, source, files: files.map(({ path, size }) => ({ path, size })) })

  await withDisk(partial, () => mkdir(partial, { recursive: true, mode: 0o700 }))
  await plan(texts)
  await bring(texts)
  let weights: readonly WantedFile[]
  try {
    await checks.texts(partial)
    weights = await weightsFor(origin, partial)
    assertAtMost(sizeOf([...texts, ...weights]), limits.totalBytes, what)
  } catch (error) {
    throwIfAborted(signal)
    // nothing to go on with
    await withDisk(partial, () => rm(partial, { recursive: true, force: true }))
    throw error
  }
  const files = [...texts, ...weights]
  await plan(files)
  await sweep(partial, files)
  if (origin.takesRoom) await assertRoom(partial, weights)
  await bring(weights)

  const model = await checks.model(partial, signal)
  const manifest: Manifest = {
    version: 1,
    name,
    source,
    pulledAt: new Date(options.clock.now()).toISOString(),
    model,
    files: files.map(({ path, size }) => ({ path, size, sha256: digests.get(path) as string })),
  }
  await writeManifest(partial, manifest)
  await withDisk(partial, () => rm(join(partial, PLAN_FILE), { force: true }))
  await moveIn(places)
  return { manifest, dir: places.folder, fresh: tally.fresh, unchanged: false }
}

/** The manifest of the model that is there, when it is what `origin` has, every byte is right, and nothing was put beside it. */
async function installedSame(places: Places, origin: Origin, options: CollectOptions): Promise<Manifest | null> {
  let manifest: Manifest | null
  try {
    manifest = await readManifest(places.folder)
  } catch (error) {
    // a broken one is replaced
    if (error instanceof CoveyError && error.code === 'E_CORRUPT') return null
    throw error
  }
  if (manifest === null || !origin.isSame(manifest.source)) return null
  const total = sizeOf(manifest.files)
  let done = 0
  const checked = await checkFiles(places.folder, manifest.files, options.signal, (bytes) => {
    done += bytes
    options.onProgress?.({ done, total, fresh: 0 })
  })
  if (checked.some((file) => file.problem !== null)) return null
  const known = new Set(manifest.files.map((file) => file.path))
  const names = await withDisk(places.folder, () => namesIn(places.folder))
  return names.some((name) => isModelFile(name) && !known.has(name)) ? null : manifest
}

/** @param dir where the index is, if there is one */
async function weightsFor(origin: Origin, dir: string): Promise<WantedFile[]> {
  if (!needsIndex(origin.files)) return weightsOf(origin.files, null, origin.what)
  const path = join(dir, INDEX_FILE)
  const text = await withDisk(path, () => readFile(path, 'utf8'))
  let index: unknown
  try {
    index = JSON.parse(text)
  } catch (cause) {
    throw new CoveyError('E_MODEL_FILE', `${path}: expected JSON: ${messageOf(cause)}`, { path }, { cause })
  }
  return weightsOf(origin.files, index, origin.what)
}

/** A pull that was refused before a byte came leaves nothing to go on with. */
async function dropEmpty(dir: string): Promise<void> {
  await withDisk(dir, async () => {
    for (const name of await namesIn(dir)) {
      if (name !== PLAN_FILE && (await sizeAt(join(dir, name))) > 0) return
    }
    await rm(dir, { recursive: true, force: true })
  })
}

/** Removes what an earlier pull of another version began. */
async function sweep(dir: string, files: readonly WantedFile[]): Promise<void> {
  const keep = new Set([PLAN_FILE, ...files.flatMap((file) => [file.path, partName(file)])])
  await withDisk(dir, async () => {
    for (const name of await namesIn(dir)) {
      if (!keep.has(name)) await rm(join(dir, name), { recursive: true, force: true })
    }
  })
}

/** @throws CoveyError E_DISK before the disk is full instead of when it is */
async function assertRoom(dir: string, files: readonly WantedFile[]): Promise<void> {
  await withDisk(dir, async () => {
    let missing = 0
    for (const file of files) {
      const there = Math.max(await sizeAt(join(dir, file.path)), await sizeAt(join(dir, partName(file))))
      missing += Math.max(0, file.size - there)
    }
    const { bavail, bsize } = await statfs(dir)
    const free = bavail * bsize
    if (missing <= free) return
    const message = `${dir}: ${missing} bytes are to come, ${free} are free: free space, or choose another folder (COVEY_MODELS)`
    throw new CoveyError('E_DISK', message, { dir, missing, free })
  })
}

async function sizeAt(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isMissing(error)) return 0
    throw error
  }
}

function assertAtMost(size: number, most: number, what: string): void {
  if (size <= most) return
  throw new CoveyError('E_TOO_LARGE', `${what}: expected at most ${most} bytes, got ${size}`, { what, size, most })
}

function sizeOf(files: readonly { readonly size: number }[]): number {
  return files.reduce((sum, file) => sum + file.size, 0)
}
