/**
 * What models, revisions and files may be called. Names come from command lines and from hubs that are not trusted, and
 * become paths: each is checked against what it may be, not against what is known to do harm.
 */
import { isAbsolute, resolve, sep } from 'node:path'
import { CoveyError } from '../base/errors.ts'

/** One half of a Hub id. It does not begin with a dot: the library's own folders do. */
const PART = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}$/
const FILE = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}$/
/** A commit, a tag or a branch; `refs/pr/1` has slashes. */
const REVISION = /^[A-Za-z0-9_][A-Za-z0-9_.+-]*(\/[A-Za-z0-9_][A-Za-z0-9_.+-]*)*$/
const MAX_REVISION_CHARS = 250

/** True for `org/name` as the Hub spells ids. */
export function isModelName(text: string): boolean {
  const parts = text.split('/')
  return parts.length === 2 && parts.every((part) => PART.test(part) && !part.includes('..'))
}

/** `text` itself when it is `org/name`. @throws CoveyError E_ARGUMENT */
export function assertModelName(text: string): string {
  if (isModelName(text)) return text
  const message = `expected a model's name, like HuggingFaceTB/SmolLM2-135M, got ${JSON.stringify(text)}`
  throw new CoveyError('E_ARGUMENT', message, { name: text })
}

/** `text` itself when it can be a git revision. @throws CoveyError E_ARGUMENT */
export function assertRevision(text: string): string {
  if (text.length <= MAX_REVISION_CHARS && REVISION.test(text) && !text.includes('..')) return text
  const message = `expected a revision (a branch, a tag or a commit), got ${JSON.stringify(text)}`
  throw new CoveyError('E_ARGUMENT', message, { revision: text })
}

/** True for a file's name that can be written into a folder: one path component, plain ASCII, not hidden. */
export function isFileName(text: string): boolean {
  return FILE.test(text)
}

/**
 * A path of a hub's listing stays inside the repository: relative, with `/` between its parts, none of them empty, `.` or `..`.
 * Git holds no other paths, so a listing with one was not made from a repository.
 */
export function isRepositoryPath(path: string): boolean {
  if (path === '' || path.length > 4096 || path.includes('\0') || path.includes('\\')) return false
  return !isAbsolute(path) && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}

/** Where the file `name` of the folder `dir` lies. @throws CoveyError E_ARGUMENT when it would lie anywhere else */
export function pathInside(dir: string, name: string): string {
  const folder = resolve(dir)
  const path = resolve(folder, name)
  if (isFileName(name) && path === `${folder}${folder.endsWith(sep) ? '' : sep}${name}`) return path
  throw new CoveyError('E_ARGUMENT', `expected the name of a file, got ${JSON.stringify(name)}`, { dir, name })
}
