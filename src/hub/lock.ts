/**
 * One process at a time on one model of a library. The lock is a folder: who wants it writes an entry, then looks for entries
 * of others, and has it when there is none of a living process. Of two that come at once, the one that looks later sees the
 * other's entry, so both may step back, but never do both go on. An entry's name holds process id and start time: that of a
 * process that was killed is known as such for ever, whichever process has its id now, and anyone may remove it.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { withDisk } from '../base/disk.ts'
import { CoveyError } from '../base/errors.ts'

const ENTRY = /^(\d+)-(\d*)-[0-9a-f]{12}$/
/** What an entry says. */
const WANTS = 'wants'
const HAS = 'has'
/** How often those who came at once step back and come again. */
const TRIES = 20
const STEP_MS = 25

/**
 * Runs `work` while holding the lock at `path`.
 * @param what is locked, for the message
 * @throws CoveyError E_LOCKED, E_DISK, or what `work` throws
 */
export async function withLock<T>(path: string, what: string, work: () => Promise<T>): Promise<T> {
  const entry = await withDisk(path, () => acquire(path, what))
  try {
    return await work()
  } finally {
    // the folder stays: somebody may be about to write into it
    await rm(entry, { force: true }).catch(() => undefined)
  }
}

/** @returns the entry */
async function acquire(path: string, what: string): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  const name = `${process.pid}-${await startOf(process.pid)}-${randomBytes(6).toString('hex')}`
  const own = join(path, name)
  for (let tries = 1; ; tries++) {
    await writeFile(own, WANTS)
    const others = await livingIn(path, name)
    if (others.length === 0) {
      await writeFile(own, HAS)
      return own
    }
    await rm(own, { force: true })
    const holder = others.find((other) => other.says === HAS)
    if (holder !== undefined || tries === TRIES) throw lockedError(path, what, (holder ?? others[0])?.pid)
    // nobody has it, several want it: the first by name comes back first
    const rank = others.filter((other) => other.name < name).length
    await systemClock.sleep(STEP_MS * (1 + rank))
  }
}

interface Entry {
  readonly name: string
  readonly pid: number
  readonly says: string
}

/** The entries of living processes but `own`; those of the dead are removed. */
async function livingIn(path: string, own: string): Promise<Entry[]> {
  const living: Entry[] = []
  for (const name of await readdir(path)) {
    const parts = ENTRY.exec(name)
    if (parts === null || name === own) continue
    const pid = Number(parts[1])
    if (await lives(pid, parts[2] ?? '')) {
      living.push({ name, pid, says: await readFile(join(path, name), 'utf8').catch(() => WANTS) })
    } else await rm(join(path, name), { force: true })
  }
  return living
}

async function lives(pid: number, start: string): Promise<boolean> {
  if (pid === 0) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    // another user's process lives too
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  const now = await startOf(pid)
  // a system that does not tell: rather one too many in the way than two at work
  return now === '' || start === '' || now === start
}

/** When a process was started, in the kernel's ticks; empty where the system does not tell. */
async function startOf(pid: number): Promise<string> {
  // proc(5): the second field, in brackets, may hold spaces; the start time is the 22nd
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

function lockedError(path: string, what: string, pid: number | undefined): CoveyError {
  const message = `${what}: process ${pid} works on it; wait for it, or stop it`
  return new CoveyError('E_LOCKED', message, { path, pid })
}
