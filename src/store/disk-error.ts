/** What the disk says when it fails, as Covey's errors. */
import { CoveyError, messageOf } from '../base/errors.ts'

/**
 * E_DISK with the path and errno of a failed file or database call; a CoveyError comes back as it is.
 * @param path what was being read or written
 */
export function diskError(error: unknown, path: string): CoveyError {
  if (error instanceof CoveyError) return error
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown }
  // level wraps why it could not open
  if (code === 'LEVEL_DATABASE_NOT_OPEN' && cause !== undefined) return diskError(cause, path)
  if (code === 'LEVEL_DATABASE_NOT_OPEN') return closedError(path)
  if (code === 'LEVEL_CORRUPTION')
    return new CoveyError(
      'E_CORRUPT',
      `${path}: the database does not pass its own checks (${messageOf(error)}); put a backup of the folder back, or choose an empty one`,
      { path },
      { cause: error },
    )
  const errno = typeof code === 'string' ? code : 'unknown'
  const remedy = REMEDIES[errno] ?? 'check the disk and the permissions, then start again'
  return new CoveyError('E_DISK', `${path}: ${messageOf(error)}; ${remedy}`, { path, errno }, { cause: error })
}

/** For a call on a store that was closed: the process is ending. */
export function closedError(path: string): CoveyError {
  return new CoveyError('E_ABORTED', `${path}: the store is closed; open it again`, { path })
}

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free space, then start again',
  EDQUOT: 'the quota is used up: free space, then start again',
  EFBIG: 'a file may not grow that large here: raise the limit, then start again',
  EROFS: 'the disk is read-only: choose a folder that can be written',
  EACCES: 'no permission: give this user the right to write there, or choose another folder',
  EPERM: 'no permission: give this user the right to write there, or choose another folder',
  ENOTDIR: 'a file stands where a folder is needed: choose another folder',
  EMFILE: 'too many open files: raise `ulimit -n`',
}

/** Runs `work`, turning what the disk throws into E_DISK. */
export async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw diskError(error, path)
  }
}

/** True for "no such file". */
export function isMissing(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ENOENT'
}
