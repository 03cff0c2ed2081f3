/** What the commands of `covey arena` share. */
import { readFile } from 'node:fs/promises'
import { sha256 } from '../src/base/bytes.ts'
import { CoveyError, messageOf } from '../src/base/errors.ts'
import { ARENA_SCORE_SCALE, type ArenaView } from '../src/types/arena.ts'
import type { Store } from '../src/types/store.ts'
import { MAX_BLOB_BYTES } from '../src/wire/limits.ts'
import { timeOf } from './amounts.ts'
import type { ArgumentDef } from './command.ts'

export const arenaArgument: ArgumentDef = { name: 'arena', help: "the arena's number", required: true }

/** @throws CoveyError E_CONFIG */
export function arenaNumber(text: string): number {
  const id = Number(text)
  if (Number.isSafeInteger(id) && id >= 1) return id
  throw new CoveyError('E_CONFIG', `arena: expected its number, 1 or more, got ${JSON.stringify(text.slice(0, 80))}`)
}

/** Where an arena stands, in a line. */
export function standing({ status, phase, deadline, epoch, params }: ArenaView): string {
  if (status !== 'open' && status !== 'running') return status
  const at = `epoch ${epoch} of ${params.epochs}`
  if (phase !== 'idle') return `${at}: ${phase} until ${timeOf(deadline)}`
  return `${at} is over; no epoch begins after ${timeOf(params.endsAt)}`
}

/** A score as people read it: nats less than the base. */
export function nats(score: number): string {
  return `${(score / ARENA_SCORE_SCALE).toFixed(4)} nats`
}

/** Files that somebody handed over, into the store, under their digests. @throws CoveyError E_CONFIG | E_TOO_LARGE | E_DISK */
export async function takeFiles(store: Store, files: readonly string[]): Promise<void> {
  for (const file of files) {
    const bytes = await readFile(file).catch((cause: unknown) => {
      throw new CoveyError('E_CONFIG', `${file} could not be read: ${messageOf(cause)}`, { file }, { cause })
    })
    if (bytes.byteLength > MAX_BLOB_BYTES)
      throw new CoveyError('E_TOO_LARGE', `${file}: expected at most ${MAX_BLOB_BYTES} bytes, got ${bytes.byteLength}`)
    if (!(await store.blobs.has(sha256(bytes)))) await store.blobs.put(bytes)
  }
}
