/** What the disk or the database says when it fails, as Covey's errors. */
import { diskFailure } from '../base/disk.ts'
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
  return diskFailure(error, path)
}

/** For a call on a store that was closed: the process is ending. */
export function closedError(path: string): CoveyError {
  return new CoveyError('E_ABORTED', `${path}: the store is closed; open it again`, { path })
}

/** Runs `work`, turning what the disk throws into E_DISK. */
export async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw diskError(error, path)
  }
}
