/** Every byte of a folder against its manifest. */
import { stat } from 'node:fs/promises'
import { isMissing, withDisk } from '../base/disk.ts'
import { FileHasher, hashInto } from './digests.ts'
import type { Manifest } from './manifest.ts'
import { pathInside } from './names.ts'

export interface FileCheck {
  readonly path: string
  /** what is wrong with it, null = nothing */
  readonly problem: string | null
}

/**
 * @param onBytes told of what was read
 * @returns one line a file, in the manifest's order
 * @throws CoveyError E_DISK | E_ABORTED
 */
export async function checkFiles(
  dir: string,
  files: Manifest['files'],
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void = () => {},
): Promise<FileCheck[]> {
  const checks: FileCheck[] = []
  for (const { path, size, sha256 } of files) {
    let problem = await sizeProblem(dir, path, size)
    if (problem === null) {
      const hasher = new FileHasher(size, { kind: 'sha256', hex: sha256 })
      await hashInto(hasher, pathInside(dir, path), size, signal, onBytes)
      if (!hasher.fits()) problem = `expected the sha256 ${sha256}, got ${hasher.sha256()}`
    }
    checks.push({ path, problem })
  }
  return checks
}

/** What a look at the size alone tells, null = nothing is wrong. @throws CoveyError E_DISK */
export async function sizeProblem(dir: string, name: string, size: number): Promise<string | null> {
  const path = pathInside(dir, name)
  return await withDisk(path, async () => {
    try {
      const found = await stat(path)
      if (!found.isFile()) return 'expected a file, found something else'
      return found.size === size ? null : `expected ${size} bytes, got ${found.size}`
    } catch (error) {
      if (isMissing(error)) return 'expected this file, there is none'
      throw error
    }
  })
}
