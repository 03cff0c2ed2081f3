/** Runs the real `covey` command as a process. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { TEST_CACHE } from './cache.ts'

const BIN = fileURLToPath(new URL('../../cli/bin.mjs', import.meta.url))

export interface CliRun {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunCliOptions {
  readonly env?: Readonly<Record<string, string>>
  /** written to standard input, which is closed then */
  readonly input?: string
  /** the Node to start it with; this process's own unless given */
  readonly node?: string
}

/** No COVEY_* of the machine that runs the tests gets through. */
export function cliEnv(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('COVEY_'))
  return { ...Object.fromEntries(own), COVEY_CACHE: TEST_CACHE, ...extra }
}

export function runCli(args: readonly string[], options: RunCliOptions = {}): Promise<CliRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(options.node ?? process.execPath, [BIN, ...args], { env: cliEnv(options.env) })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }))
    child.stdin.end(options.input ?? '')
  })
}
