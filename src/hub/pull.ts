/**
 * Pulls a model from a hub that speaks Hugging Face's protocol.
 *
 *     const { dir } = await pullModel({
 *       repository: { endpoint: 'https://huggingface.co', id: 'HuggingFaceTB/SmolLM2-135M', revision: 'main' },
 *       token: null, models: '/home/me/.covey/models', name: 'HuggingFaceTB/SmolLM2-135M', checks,
 *     })
 *
 * It can be stopped at any moment, by force too, and goes on where it was: parts stay under temporary names, files that are
 * whole are checked and kept, also those that a newer version shares with the one that is there.
 */
import { link, rm } from 'node:fs/promises'
import { systemClock } from '../base/clock.ts'
import type { Clock } from '../types/clock.ts'
import { type Collected, type CollectOptions, collect } from './collect.ts'
import { FileHasher, hashInto } from './digests.ts'
import { downloadFile } from './download.ts'
import { Hub } from './http.ts'
import { HUB_LIMITS, type HubLimits } from './limits.ts'
import { fetchListing, filePath } from './listing.ts'
import { pathInside } from './names.ts'
import { PartFile, type WantedFile } from './part-file.ts'
import type { Places } from './places.ts'
import type { Repository } from './source.ts'
import { sizeProblem } from './verify.ts'

export interface PullOptions extends Omit<CollectOptions, 'limits' | 'clock'> {
  readonly repository: Repository
  /** sent to the repository's hub only; null = none */
  readonly token: string | null
  /** told before each wait for another try */
  readonly onRetry?: ((reason: string, wait_ms: number) => void) | undefined
  readonly limits?: HubLimits
  readonly clock?: Clock
}

/**
 * @throws CoveyError E_HUB | E_HUB_ACCESS | E_HUB_MISSING | E_HUB_DIGEST | E_MODEL_FILE | E_TOO_LARGE | E_DISK | E_LOCKED |
 * E_ABORTED, or what `checks` throws
 */
export async function pullModel(options: PullOptions): Promise<Collected> {
  const { repository, token, onRetry, limits = HUB_LIMITS, clock = systemClock, ...rest } = options
  const { endpoint, id, revision } = repository
  const hub = new Hub({ endpoint, token, limits, clock, onRetry })
  const { commit, files } = await fetchListing(hub, repository, options.signal)
  return await collect(
    { ...rest, limits, clock },
    {
      what: id,
      source: { kind: 'hub', endpoint, id, revision, commit },
      files,
      parallel: limits.parallel,
      takesRoom: true,
      isSame: (s) => s.kind === 'hub' && s.endpoint === endpoint && s.id === id && s.commit === commit,
      async bring(file, places, signal, count) {
        const kept = await keep(file, places, signal, (bytes) => count(bytes, false))
        if (kept !== null) return kept
        const part = await PartFile.open(places.partial, file, signal)
        try {
          count(part.have, false)
          const onBytes = (bytes: number): void => count(bytes, bytes > 0)
          const download = {
            path: filePath(id, commit, file.path),
            what: `${id}/${file.path}`,
            file,
            into: part,
            onBytes,
          }
          return await downloadFile(hub, download, signal)
        } finally {
          await part.close()
        }
      },
    },
  )
}

/**
 * A file that an earlier run, or the version that is there, has whole.
 * @param onBytes that were checked; negative when they were in vain
 * @returns its sha256, null = there is none
 */
async function keep(
  file: WantedFile,
  places: Places,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<string | null> {
  const target = pathInside(places.partial, file.path)
  for (const dir of [places.partial, places.folder]) {
    if ((await sizeProblem(dir, file.path, file.size)) !== null) continue
    const path = pathInside(dir, file.path)
    const hasher = new FileHasher(file.size, file.expected)
    await hashInto(hasher, path, file.size, signal, onBytes)
    if (hasher.fits() && (path === target || (await linked(path, target)))) return hasher.sha256()
    onBytes(-file.size)
  }
  return null
}

/** False on a disk without hard links: then the file comes over the wire again. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await rm(to, { force: true })
    await link(from, to)
    return true
  } catch {
    return false
  }
}
