/**
 * Weights of large models in files that ONNX Runtime maps into memory: no copy in JavaScript, none in a protobuf, and a
 * model that was rounded to 8 bits once opens at once the next time.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder, type Environment } from '../../base/cache-folder.ts'
import { CoveyError, messageOf } from '../../base/errors.ts'
import { writeFileAtomic } from '../../base/files.ts'
import type { WeightFilePlan } from '../graph/graph.ts'

/** A weight file that no session has opened for so long is removed when another one is written, ms. */
const KEEP_MS = 30 * 86_400_000
/** A graph's file lives while its session opens; one that a crash has left behind is older than this, ms. */
const GRAPH_KEEP_MS = 3_600_000

export function weightFolder(env: Environment = process.env): string {
  return join(cacheFolder(env), 'weights')
}

/**
 * Makes sure that the weights lie in `dir`, writes the graph beside them for as long as `open` takes (ONNX Runtime keeps its
 * own map of the weights), and returns what `open` does with the graph's path.
 * @throws CoveyError E_DISK; what `open` and the weights' readers throw comes through as it is
 */
export async function withGraphFile<T>(
  dir: string,
  graph: Uint8Array,
  weights: WeightFilePlan,
  open: (path: string) => Promise<T>,
): Promise<T> {
  await ensureWeights(dir, weights)
  const path = join(dir, `${randomUUID()}.onnx`)
  await disk(path, writeFile(path, graph, { mode: 0o600 }))
  try {
    return await open(path)
  } finally {
    await rm(path, { force: true })
  }
}

async function ensureWeights(dir: string, weights: WeightFilePlan): Promise<void> {
  await disk(dir, mkdir(dir, { recursive: true, mode: 0o700 }))
  const path = join(dir, weights.name)
  const now = new Date()
  const size = await stat(path).then(
    (s) => s.size,
    () => -1,
  )
  // a name stands for its bytes, and files appear whole: the size is checked against a disk that lost some
  if (size === weights.size) return disk(path, utimes(path, now, now))
  await removeOld(dir, now.getTime())
  await writeFileAtomic(path, bytesOfFile(weights))
}

function* bytesOfFile({ parts, size }: WeightFilePlan): Generator<Uint8Array> {
  let at = 0
  for (const { offset, length, read } of parts.values()) {
    if (offset > at) yield new Uint8Array(offset - at)
    yield read()
    at = offset + length
  }
  if (size > at) yield new Uint8Array(size - at)
}

async function removeOld(dir: string, now: number): Promise<void> {
  for (const name of await disk(dir, readdir(dir))) {
    const path = join(dir, name)
    const seen = await stat(path).catch(() => null)
    if (seen === null) continue
    const limit = name.endsWith('.weights') ? KEEP_MS : GRAPH_KEEP_MS
    if (now - seen.mtimeMs > limit) await rm(path, { force: true })
  }
}

async function disk<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    const message = `could not use ${path} for a model's weights: ${messageOf(cause)}; set COVEY_CACHE to a folder with room`
    throw new CoveyError('E_DISK', message, { path }, { cause })
  }
}
