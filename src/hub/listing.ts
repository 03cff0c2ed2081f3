/**
 * What a repository holds at a revision, from the Hub's API (https://huggingface.co/docs/hub/api):
 * `GET /api/models/ORG/NAME/revision/REVISION?blobs=true` answers the commit and, per file, its size, the name of its git
 * blob, and for large files (LFS) the sha256. Everything is fetched at that commit, so that one pull is of one version.
 */
import { z } from 'zod'
import { CoveyError } from '../base/errors.ts'
import type { Hub } from './http.ts'
import { isRepositoryPath } from './names.ts'
import type { WantedFile } from './part-file.ts'
import type { Repository } from './source.ts'

const size = z.int().min(0)
const sibling = z.object({
  rfilename: z.string(),
  size: size.nullish(),
  blobId: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .nullish(),
  lfs: z.object({ size, sha256: z.string().regex(/^[0-9a-f]{64}$/) }).nullish(),
})
const answer = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/),
  siblings: z.array(sibling),
})

export interface Listing {
  /** the commit that the revision stands for now, hex */
  readonly commit: string
  /** those with a size and a digest */
  readonly files: readonly WantedFile[]
}

/** @throws CoveyError E_HUB | E_HUB_ACCESS | E_HUB_MISSING | E_TOO_LARGE | E_ABORTED */
export async function fetchListing(
  hub: Hub,
  repository: Repository,
  signal: AbortSignal | undefined,
): Promise<Listing> {
  const { id, revision } = repository
  const path = `/api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`
  return parseListing(await hub.json(path, id, signal), id)
}

/**
 * Checks a hub's listing.
 * @param what for messages: `org/name`
 * @throws CoveyError E_HUB
 */
export function parseListing(json: unknown, what: string): Listing {
  const parsed = answer.safeParse(json)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    const message = `${what}: the hub's listing is not as expected: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`
    throw new CoveyError('E_HUB', message, { what })
  }
  const files: WantedFile[] = []
  const seen = new Set<string>()
  for (const { rfilename: path, size, blobId, lfs } of parsed.data.siblings) {
    if (!isRepositoryPath(path) || seen.has(path)) {
      const message = `${what}: the hub lists the path ${JSON.stringify(path.slice(0, 200))}, which no repository holds${seen.has(path) ? ' twice' : ''}`
      throw new CoveyError('E_HUB', message, { what })
    }
    seen.add(path)
    if (lfs != null) files.push({ path, size: lfs.size, expected: { kind: 'sha256', hex: lfs.sha256 } })
    else if (size != null && blobId != null) files.push({ path, size, expected: { kind: 'git', hex: blobId } })
  }
  if (files.length === 0) {
    throw new CoveyError('E_HUB', `${what}: the hub lists no file with size and digest (blobs=true)`, { what })
  }
  return { commit: parsed.data.sha, files }
}

/** Where a file's bytes are, after the endpoint. */
export function filePath(id: string, commit: string, path: string): string {
  return `/${id}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`
}
