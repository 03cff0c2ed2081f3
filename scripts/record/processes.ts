/** A stage on which every command is a process of its own, and everything that it printed is kept. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { COMMANDS } from '../../cli/commands.ts'
import { CoveyError } from '../../src/base/errors.ts'
import type { Name, Running, Stage } from '../../test/support/economy/stage.ts'
import type { Transcript } from './transcript.ts'

const BIN = fileURLToPath(new URL('../../cli/bin.mjs', import.meta.url))
/** Longest wait for a command that goes on to be ready: several start at once on few cores. */
const READY_LIMIT_MS = 180_000

export class Processes implements Stage {
  readonly dir: string
  readonly #env: NodeJS.ProcessEnv
  readonly #transcript: Transcript
  readonly #running = new Set<Running>()
  readonly #children = new Set<ChildProcess>()

  /** @param env what every command sees beside the machine's own environment, which may say nothing about Covey */
  constructor(dir: string, env: Readonly<Record<string, string>>, transcript: Transcript) {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('COVEY_'))
    this.dir = dir
    this.#env = { ...Object.fromEntries(own), ...env }
    this.#transcript = transcript
  }

  /** From now on every command sees this too. */
  setEnv(name: string, value: string): void {
    this.#env[name] = value
  }

  async covey(who: Name, line: string | readonly string[]): Promise<string> {
    const args = argsOf(line)
    const answered = this.#transcript.command(who, args)
    const { stdout, stderr } = await this.#run(who, asksFirst(args) ? [...args, '--yes'] : args)
    answered(stdout, stderr)
    return stdout
  }

  async look(who: Name, line: string): Promise<Record<string, unknown>> {
    const { stdout } = await this.#run(who, [...argsOf(line), '--json'])
    return JSON.parse(stdout) as Record<string, unknown>
  }

  async begin(who: Name, line: string | readonly string[], ready: RegExp): Promise<Running> {
    const args = argsOf(line)
    const answered = this.#transcript.command(who, [...args, '&'])
    const child = this.#spawn(who, args)
    let [stdout, stderr] = ['', '']
    const ended = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)))
    const found = await new Promise<string>((resolve, reject) => {
      const limit = setTimeout(() => reject(failed(args, 'it is not ready', stdout, stderr)), READY_LIMIT_MS)
      const look = (): void => {
        const match = ready.exec(stdout)
        if (match === null) return
        clearTimeout(limit)
        resolve(match[1] ?? match[0])
      }
      child.stdout?.setEncoding('utf8').on('data', (part: string) => {
        stdout += part
        look()
      })
      child.stderr?.setEncoding('utf8').on('data', (part: string) => {
        stderr += part
      })
      ended.then((code) => reject(failed(args, `exit code ${code}`, stdout, stderr)))
    })
    answered(stdout)
    const running: Running = {
      found,
      stop: async () => {
        if (!this.#running.delete(running)) return
        child.kill('SIGTERM')
        await ended
      },
    }
    this.#running.add(running)
    return running
  }

  /** Ends what goes on, the latest first; and what a failure elsewhere has left behind. */
  async stopAll(): Promise<void> {
    for (const running of [...this.#running].reverse()) await running.stop()
    const left = [...this.#children].map((child) => {
      const ended = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGTERM')
      return ended
    })
    await Promise.all(left)
  }

  #spawn(who: Name, args: readonly string[]): ChildProcess {
    const all = [BIN, ...args, '--dir', join(this.dir, who)]
    const child = spawn(process.execPath, all, { env: this.#env, cwd: this.dir, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#children.add(child)
    child.once('close', () => this.#children.delete(child))
    return child
  }

  #run(who: Name, args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
    return new Promise((resolve, reject) => {
      const child = this.#spawn(who, args)
      let [stdout, stderr] = ['', '']
      child.stdout?.setEncoding('utf8').on('data', (part: string) => {
        stdout += part
      })
      child.stderr?.setEncoding('utf8').on('data', (part: string) => {
        stderr += part
      })
      child.once('error', reject)
      child.once('close', (code) => {
        if (code === 0) resolve({ stdout, stderr })
        else reject(failed(args, `exit code ${code}`, stdout, stderr))
      })
    })
  }
}

const argsOf = (line: string | readonly string[]): readonly string[] =>
  typeof line === 'string' ? line.split(' ') : line

/** True for commands that ask before they write. */
function asksFirst(args: readonly string[]): boolean {
  const found = COMMANDS.find(({ name }) => `${args.join(' ')} `.startsWith(`${name} `))
  return found !== undefined && 'yes' in found.options
}

function failed(args: readonly string[], why: string, stdout: string, stderr: string): CoveyError {
  return new CoveyError('E_INTERNAL', `covey ${args.join(' ')}: ${why}\n${stdout}${stderr}`)
}
