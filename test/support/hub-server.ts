/**
 * A model hub for tests: the listing and the files of Hugging Face's protocol, large files redirected to a store at another
 * port as there. What a request meets can be scripted: cut, stalled, refused, answered with other bytes.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sha256 } from '../../src/base/bytes.ts'

export interface Repo {
  readonly commit: string
  /** by path; those that end in .safetensors are large files (LFS) */
  readonly files: Readonly<Record<string, Uint8Array>>
}

/** What happens to one request for a file instead of its being served. */
export type Trouble =
  /** the connection breaks after so many bytes of the body */
  | { readonly kind: 'cut'; readonly after: number }
  /** the body ends after so many bytes as if it were whole */
  | { readonly kind: 'short'; readonly after: number }
  /** nothing comes any more after so many bytes */
  | { readonly kind: 'stall'; readonly after: number }
  | { readonly kind: 'no-range'; readonly after?: number }
  | { readonly kind: 'other-range' }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly chunked?: boolean }
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly kind: 'redirect'; readonly to: string }

export interface Seen {
  readonly server: 'hub' | 'store'
  readonly path: string
  readonly range: string | null
  readonly authorization: string | null
}

const isLarge = (path: string): boolean => path.endsWith('.safetensors')

/** git's name of a blob. */
export function gitBlob(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.byteLength}\0`).update(bytes).digest('hex')
}

export class HubServer {
  readonly seen: Seen[] = []
  /** bytes of bodies that left, by file */
  readonly sent = new Map<string, number>()
  readonly repos = new Map<string, Repo>()
  /** for requests that carry another token or none: what they get */
  token: string | null = null
  /** files asked for at the same time, the most that there were */
  mostAtOnce = 0
  /** answers to listings, in place of the true one */
  listing: ((json: Record<string, unknown>) => unknown) | null = null
  readonly #hub: Server
  readonly #store: Server
  readonly #troubles = new Map<string, Trouble[]>()
  readonly #host: string
  #atOnce = 0

  private constructor(host: string) {
    this.#host = host
    this.#hub = createServer((request, response) => this.#atHub(request, response))
    this.#store = createServer((request, response) => this.#atStore(request, response))
  }

  static async start(host = '127.0.0.1'): Promise<HubServer> {
    const made = new HubServer(host)
    for (const server of [made.#hub, made.#store]) await new Promise<void>((resolve) => server.listen(0, host, resolve))
    return made
  }

  get url(): string {
    return `http://${this.#host}:${(this.#hub.address() as AddressInfo).port}`
  }

  get storeUrl(): string {
    return `http://${this.#host}:${(this.#store.address() as AddressInfo).port}`
  }

  /** The next requests for a file's bytes meet these, one each; `/listing` stands for the listing. */
  trouble(path: string, ...troubles: Trouble[]): void {
    this.#troubles.set(path, [...(this.#troubles.get(path) ?? []), ...troubles])
  }

  /** The requests for a file's bytes (not the hub's redirects), as their ranges. */
  ranges(path: string): (string | null)[] {
    const from = isLarge(path) ? 'store' : 'hub'
    return this.seen.filter((s) => s.server === from && s.path.endsWith(`/${path}`)).map((s) => s.range)
  }

  async stop(): Promise<void> {
    for (const server of [this.#hub, this.#store]) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }

  #atHub(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', this.url)
    this.#note('hub', url, request)
    const [, id, revision] = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/(.+)$/.exec(url.pathname) ?? []
    const [, repoId, , path] = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname) ?? []
    const repo = this.repos.get(id ?? repoId ?? '')
    if (this.token !== null && request.headers.authorization !== `Bearer ${this.token}`) {
      refuse(response, 401, { 'x-error-code': 'RepoNotFound', 'x-error-message': 'Repository not found' })
      return
    }
    const trouble = this.#next(path === undefined ? '/listing' : isLarge(path) ? `hub:${path}` : path)
    if (repo === undefined) refuse(response, 404, { 'x-error-code': 'RepoNotFound' })
    else if (trouble?.kind === 'status') refuse(response, trouble.status, trouble.headers)
    else if (trouble?.kind === 'redirect') refuse(response, 302, { location: trouble.to })
    else if (id !== undefined) this.#list(response, id, decodeURIComponent(revision ?? ''), repo)
    else if (path !== undefined && isLarge(path))
      refuse(response, 302, { location: `${this.storeUrl}/${repoId}/${path}` })
    else this.#serve(request, response, path ?? '', repo.files[path ?? ''], trouble)
  }

  #atStore(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', this.storeUrl)
    this.#note('store', url, request)
    const [, org, name, path = ''] = url.pathname.split('/')
    const trouble = this.#next(path)
    if (trouble?.kind === 'status') refuse(response, trouble.status, trouble.headers)
    else if (trouble?.kind === 'redirect') refuse(response, 302, { location: trouble.to })
    else this.#serve(request, response, path, this.repos.get(`${org}/${name}`)?.files[path], trouble)
  }

  #list(response: ServerResponse, id: string, revision: string, repo: Repo): void {
    if (revision !== 'main' && revision !== repo.commit) {
      refuse(response, 404, { 'x-error-code': 'RevisionNotFound', 'x-error-message': `Invalid rev id: ${revision}` })
      return
    }
    const siblings = Object.entries(repo.files).map(([rfilename, bytes]) => ({
      rfilename,
      size: bytes.byteLength,
      blobId: gitBlob(bytes),
      ...(isLarge(rfilename) ? { lfs: { sha256: sha256(bytes), size: bytes.byteLength, pointerSize: 134 } } : {}),
    }))
    const json = { id, sha: repo.commit, private: false, gated: false, siblings }
    const body = JSON.stringify(this.listing === null ? json : this.listing(json))
    response.writeHead(200, { 'content-type': 'application/json' }).end(body)
  }

  #serve(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    file: Uint8Array | undefined,
    trouble: Trouble | undefined,
  ): void {
    if (file === undefined) {
      refuse(response, 404, { 'x-error-code': 'EntryNotFound' })
      return
    }
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce)
    response.once('close', () => this.#atOnce--)
    const bytes = trouble?.kind === 'bytes' ? trouble.bytes : file
    const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')
    const start = asked === null || trouble?.kind === 'no-range' || trouble?.kind === 'bytes' ? 0 : Number(asked[1])
    if (start >= bytes.byteLength && bytes.byteLength > 0) {
      refuse(response, 416)
      return
    }
    const body = bytes.subarray(start)
    const said = trouble?.kind === 'other-range' ? start + 1 : start
    const range = `bytes ${said}-${bytes.byteLength - 1}/${bytes.byteLength}`
    const after = trouble !== undefined && 'after' in trouble ? (trouble.after ?? body.byteLength) : body.byteLength
    const chunked = trouble?.kind === 'short' || (trouble?.kind === 'bytes' && trouble.chunked === true)
    response.writeHead(asked === null || trouble?.kind === 'no-range' ? 200 : 206, {
      ...(chunked ? {} : { 'content-length': body.byteLength }),
      ...(asked === null || trouble?.kind === 'no-range' ? {} : { 'content-range': range }),
    })
    const piece = body.subarray(0, after)
    this.sent.set(path, (this.sent.get(path) ?? 0) + piece.byteLength)
    if (trouble?.kind === 'stall') response.write(piece)
    else if (after < body.byteLength && !chunked) response.write(piece, () => setTimeout(() => response.destroy(), 20))
    else response.end(piece)
  }

  #note(server: Seen['server'], url: URL, request: IncomingMessage): void {
    const { range = null, authorization = null } = request.headers
    this.seen.push({ server, path: url.pathname, range, authorization })
  }

  #next(path: string): Trouble | undefined {
    return this.#troubles.get(path)?.shift()
  }
}

function refuse(response: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, headers).end('no')
}
