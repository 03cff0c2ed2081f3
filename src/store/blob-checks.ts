/** The argument checks and refusals that both blob stores share. */
import { CoveyError } from '../base/errors.ts'

/** One read of a blob; the pull protocol asks for far less. */
export const MAX_READ_BYTES = 4 * 1024 * 1024

/** @throws CoveyError E_TOO_LARGE */
export function assertFits(digest: string, size: number, maxBytes: number): void {
  if (size > maxBytes)
    throw new CoveyError('E_TOO_LARGE', `blob ${digest}: expected at most ${maxBytes} bytes, got ${size}`, {
      digest,
      size,
      maxBytes,
    })
}

/** @throws CoveyError E_ARGUMENT unless it is a size in bytes */
export function assertSize(size: number, name: string): void {
  if (!Number.isSafeInteger(size) || size < 0)
    throw new CoveyError('E_ARGUMENT', `${name}: expected a whole number of bytes, got ${size}`, { [name]: size })
}

/** @throws CoveyError E_ARGUMENT | E_TOO_LARGE */
export function assertRange(digest: string, offset: number, length: number): void {
  assertSize(offset, 'offset')
  assertSize(length, 'length')
  if (length > MAX_READ_BYTES)
    throw new CoveyError(
      'E_TOO_LARGE',
      `blob ${digest}: expected a read of at most ${MAX_READ_BYTES} bytes, got ${length}`,
      { digest, length },
    )
}

export function unavailable(digest: string): CoveyError {
  return new CoveyError('E_BLOB_UNAVAILABLE', `blob ${digest} is not in the store; pull it from a peer`, { digest })
}

export function corrupt(digest: string, found: string, where: string): CoveyError {
  return new CoveyError(
    'E_CORRUPT',
    `blob ${digest}: its bytes have digest ${found}; they were removed from ${where}, pull it again`,
    { digest, found },
  )
}

export function pullRunning(digest: string): CoveyError {
  return new CoveyError('E_BUSY', `blob ${digest} is being fetched already; wait for that pull to end`, { digest })
}

export function overflow(digest: string, size: number, got: number): CoveyError {
  return new CoveyError('E_TOO_LARGE', `blob ${digest}: expected ${size} bytes, got ${got}`, { digest, size, got })
}

export function unfinished(digest: string, size: number, have: number): CoveyError {
  return new CoveyError('E_ARGUMENT', `blob ${digest}: finish() needs all ${size} bytes, ${have} are here`, {
    digest,
    size,
    have,
  })
}

export function partialClosed(digest: string): CoveyError {
  return new CoveyError('E_ABORTED', `blob ${digest}: this unfinished blob was closed; open it again`, { digest })
}
