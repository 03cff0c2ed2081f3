/** What the disk says when it fails, as E_DISK with what to do about it. */
import { CoveyError, messageOf } from './errors.ts'

/**
 * E_DISK with the path and errno of a failed file call; a CoveyError comes back as it is.
 * @param path what was being read or written
 */
export function diskFailure(error: unknown, path: string): CoveyError {
  if (error instanceof CoveyError) return error
  const { code } = (error ?? {}) as { code?: unknown }
  const errno = typeof code === 'string' ? code : 'unknown'
  const remedy = REMEDIES[errno] ?? 'check the disk and the permissions, then start again'
  return new CoveyError('E_DISK', `${path}: ${messageOf(error)}; ${remedy}`, { path, errno }, { cause: error })
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
  EXDEV: 'the two places are on different disks: copy instead of linking',
}

/** Runs `work`, turning what the disk throws into E_DISK; other CoveyErrors come through. */
export async function withDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw diskFailure(error, path)
  }
}

/** True for "no such file". */
export function isMissing(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ENOENT'
}
