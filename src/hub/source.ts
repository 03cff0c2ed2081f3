/** Which repository of which hub is meant by `org/name` or by the address of a page. */
import { CoveyError } from '../base/errors.ts'
import { assertModelName, assertRevision } from './names.ts'

export const DEFAULT_ENDPOINT = 'https://huggingface.co'
export const DEFAULT_REVISION = 'main'

export interface Repository {
  /** the hub's address without a slash at its end; it may have a path, as mirrors do */
  readonly endpoint: string
  /** org/name */
  readonly id: string
  readonly revision: string
}

/** What follows the revision in an address of the Hub's pages and files. */
const PAGES: ReadonlySet<string> = new Set(['tree', 'blob', 'resolve', 'raw', 'commit'])

/** A hub's address, spelt one way. @throws CoveyError E_ARGUMENT */
export function parseEndpoint(text: string): string {
  const url = URL.parse(text)
  const wrong = (why: string): CoveyError =>
    new CoveyError('E_ARGUMENT', `the hub's address: expected one like ${DEFAULT_ENDPOINT}; ${why}`)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) throw wrong('this is no http(s) address')
  // they would end in messages and manifests
  if (url.username !== '' || url.password !== '') throw wrong('it must hold no user and password; HF_TOKEN is for that')
  if (url.search !== '' || url.hash !== '') throw wrong('it must hold no query')
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}

/**
 * `org/name`, or an address: HUB/org/name, HUB/org/name/tree/REVISION, or that of a file in it, which stands for its repository.
 * An address names its hub itself; it may be another than `endpoint`.
 * @param revision from the command line, null = not said
 * @throws CoveyError E_ARGUMENT
 */
export function parseRepository(text: string, endpoint: string, revision: string | null): Repository {
  const given = revision === null ? null : assertRevision(revision)
  if (!/^https?:\/\//i.test(text)) {
    return { endpoint, id: assertModelName(text), revision: given ?? DEFAULT_REVISION }
  }
  const url = URL.parse(text)
  if (url === null || url.username !== '' || url.password !== '') {
    throw new CoveyError('E_ARGUMENT', 'expected the address of a model, like https://huggingface.co/org/name')
  }
  const inside = `${url.origin}${url.pathname}`.startsWith(`${endpoint}/`)
  const hub = inside ? endpoint : url.origin
  const path = `${url.origin}${url.pathname}`.slice(hub.length)
  const [org = '', name = '', page, ...rest] = path.split('/').filter((part) => part !== '')
  const id = assertModelName(`${org}/${name}`)
  if (page === undefined) return { endpoint: hub, id, revision: given ?? DEFAULT_REVISION }
  const named = revisionOf(page, rest)
  if (named === null) {
    const message = `expected the address of a model or of its tree, got the page ${JSON.stringify(page)} of ${id}`
    throw new CoveyError('E_ARGUMENT', message, { id, page })
  }
  if (given !== null && given !== named) {
    const message = `the address names the revision ${named}, --revision ${given}: give one of them`
    throw new CoveyError('E_ARGUMENT', message, { id, named, given })
  }
  return { endpoint: hub, id, revision: named }
}

/** The revision in what follows `org/name/`; null for a page that has none. @throws CoveyError E_ARGUMENT */
function revisionOf(page: string, rest: readonly string[]): string | null {
  if (!PAGES.has(page) || rest.length === 0) return null
  let parts: string[]
  try {
    // the Hub writes a branch's own slashes as %2F
    parts = rest.map((part) => decodeURIComponent(part))
  } catch (cause) {
    throw new CoveyError('E_ARGUMENT', 'the address is not percent-encoded as addresses are', {}, { cause })
  }
  const [first = '', ...more] = parts
  // the only names with slashes that pages leave as they are
  return assertRevision(first === 'refs' ? [first, ...more.slice(0, 2)].join('/') : first)
}
