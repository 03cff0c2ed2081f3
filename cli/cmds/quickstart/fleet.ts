/** The processes of a quickstart: each one a `covey` command of its own, watched through the JSON lines that it prints. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { CoveyError } from '../../../src/base/errors.ts'

const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url))

/** A process that has not ended so long after SIGTERM is killed, ms. */
const TERM_TIMEOUT_MS = 8_000
/** How often memory is read, ms. */
const MEMORY_EVERY_MS = 1_000

/** One JSON line of a child. */
export type ChildEvent = { readonly event: string } & Record<string, unknown>

export interface Member {
  readonly name: string
  readonly args: readonly string[]
  /** resolves with the exit code; a signal counts as 1 */
  readonly exited: Promise<number>
  process: ChildProcess
}

export interface FleetOptions {
  /** logs go here, one file a process */
  readonly logDir: string
  readonly env: Readonly<Record<string, string>>
  readonly onEvent: (name: string, event: ChildEvent) => void
  /** called when a process ends that nobody stopped */
  readonly onCrash: (name: string, code: number, lastWords: string) => void
}

export class Fleet {
  readonly #options: FleetOptions
  readonly #members = new Map<string, Member>()
  readonly #stopping = new Set<string>()
  readonly #peakRssMb = new Map<string, number>()
  readonly #lastWords = new Map<string, string>()
  readonly #timer: NodeJS.Timeout
  #over = false

  constructor(options: FleetOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.#readMemory(), MEMORY_EVERY_MS)
    this.#timer.unref()
  }

  /** Starts `covey ARGS --json`. @throws CoveyError E_ARGUMENT (the name is taken) | E_ABORTED (after `stopAll`) */
  start(name: string, args: readonly string[]): Member {
    if (this.#members.has(name)) throw new CoveyError('E_ARGUMENT', `a process called ${name} is running already`)
    // it would outlive the run: nobody is left to stop it
    if (this.#over) throw new CoveyError('E_ABORTED', `the run is over, ${name} is not started`)
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args, '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.#options.env },
    })
    const log = createWriteStream(join(this.#options.logDir, `${name}.log`), { flags: 'a', mode: 0o600 })
    child.stderr?.pipe(log, { end: false })
    child.stderr?.on('data', (chunk: Buffer) => this.#lastWords.set(name, chunk.toString().trim().slice(-600)))
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        log.write(`${line}\n`)
        const event = parseEvent(line)
        if (event !== undefined) this.#options.onEvent(name, event)
      })
    }
    const exited = new Promise<number>((resolve) => {
      child.once('error', () => resolve(1))
      child.once('exit', (code) => resolve(code ?? 1))
    })
    const member: Member = { name, args, exited, process: child }
    this.#members.set(name, member)
    this.#stopping.delete(name)
    exited.then((code) => {
      log.end()
      if (this.#members.get(name) === member) this.#members.delete(name)
      if (!this.#stopping.has(name) && code !== 0) this.#options.onCrash(name, code, this.#lastWords.get(name) ?? '')
    })
    return member
  }

  /** Ends one process: SIGTERM, then SIGKILL. */
  async stop(name: string): Promise<void> {
    const member = this.#members.get(name)
    if (member === undefined) return
    this.#stopping.add(name)
    member.process.kill('SIGTERM')
    const timer = setTimeout(() => member.process.kill('SIGKILL'), TERM_TIMEOUT_MS)
    await member.exited
    clearTimeout(timer)
  }

  /** `kill -9`, as a power cut would. */
  async kill(name: string): Promise<void> {
    const member = this.#members.get(name)
    if (member === undefined) throw new CoveyError('E_ARGUMENT', `no process is called ${name}`)
    this.#stopping.add(name)
    member.process.kill('SIGKILL')
    await member.exited
  }

  /** Starts a stopped or killed process again with the same arguments. */
  restart(member: Member): Member {
    return this.start(member.name, member.args)
  }

  get(name: string): Member | undefined {
    return this.#members.get(name)
  }

  /** Peak resident memory by process, MB, as the kernel or the process itself told it. */
  peakRssMb(): Record<string, number> {
    return Object.fromEntries([...this.#peakRssMb].map(([name, mb]) => [name, Math.round(mb)]))
  }

  noteRss(name: string, mb: number): void {
    this.#peakRssMb.set(name, Math.max(mb, this.#peakRssMb.get(name) ?? 0))
  }

  /** Stops everything, in reverse order of starting, the chain last. */
  async stopAll(): Promise<void> {
    this.#over = true
    clearInterval(this.#timer)
    const names = [...this.#members.keys()].reverse()
    await Promise.all(names.filter((n) => n !== 'chain').map((n) => this.stop(n)))
    await this.stop('chain')
  }

  async #readMemory(): Promise<void> {
    for (const { name, process: child } of this.#members.values()) {
      try {
        const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
        const peak = /VmHWM:\s+(\d+) kB/.exec(status)?.[1]
        if (peak !== undefined) this.noteRss(name, Number(peak) / 1000)
      } catch {
        // no /proc on this system, or the process has just ended: its own `stats` events tell
      }
    }
  }
}

function parseEvent(line: string): ChildEvent | undefined {
  try {
    const value: unknown = JSON.parse(line)
    if (value !== null && typeof value === 'object' && typeof (value as { event?: unknown }).event === 'string')
      return value as ChildEvent
  } catch {
    // not one of ours: it is in the log
  }
  return undefined
}
