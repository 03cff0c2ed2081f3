/** Keys on disk: where one may be written, and what a raw one looks like. */
import { mkdir, open, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { CoveyError, messageOf } from '../src/base/errors.ts'
import { createMemorySigner } from '../src/ledger/keys/accounts.ts'
import type { Hex } from '../src/types/ledger.ts'
import type { Output } from './output.ts'

/** An absolute path at which nothing is, in a folder that is there. @throws CoveyError E_KEY | E_DISK */
export async function freeKeyFile(file: string): Promise<string> {
  const path = resolve(file)
  if (await stat(path).catch(() => null))
    throw new CoveyError('E_KEY', `${path} exists; a key file is never overwritten`, {
      path,
      remedy: 'choose another place, or move the file that is there away',
    })
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new CoveyError('E_DISK', `${dirname(path)} could not be made: ${messageOf(cause)}`, { path }, { cause })
  }
  return path
}

/** A raw private key as people paste it, with or without 0x. It is never printed from then on. @throws CoveyError E_KEY */
export function parsePrivateKey(text: string, output: Output): Hex {
  const digits = text.trim().replace(/^0x/i, '').toLowerCase()
  output.hide(digits)
  output.hide(text.trim())
  if (!/^[0-9a-f]{64}$/.test(digits))
    throw new CoveyError('E_KEY', `expected a private key of 64 hex digits, got ${digits.length} characters`, {
      remedy: 'check what was pasted; nothing was written',
    })
  const key = `0x${digits}` as Hex
  // zero, and what is beyond the curve's order, are no keys
  createMemorySigner(key)
  return key
}

/** A new file that only its owner may read, on disk when it resolves. @throws CoveyError E_DISK */
export async function writeSecretFile(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (cause) {
    throw new CoveyError('E_DISK', `cannot write ${path}: ${messageOf(cause)}`, { path }, { cause })
  }
}
