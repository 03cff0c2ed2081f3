/** Runs one command line of `covey`: parses, executes, prints, and turns what happened into an exit code. */
import { readFileSync } from 'node:fs'
import { CommanderError } from 'commander'
import { isCoveyError } from '../src/base/errors.ts'
import { threadsCompute, threadsIdle } from '../src/engine/threads/client.ts'
import { COMMANDS } from './commands.ts'
import { Output } from './output.ts'
import { buildProgram, isHelp } from './program.ts'

export const EXIT_OK = 0
export const EXIT_FAILED = 1
export const EXIT_USAGE = 2

/** The signal that asked this process to end. */
let interruptedBy: NodeJS.Signals | null = null

/** @param argv without node and script. @returns the exit code */
export async function runCli(argv: readonly string[]): Promise<number> {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  const abort = new AbortController()
  const onSignal = (signal: NodeJS.Signals): void => {
    // whoever asks twice does not want to wait, and process.exit waits for threads that compute
    if (interruptedBy !== null) {
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
      process.kill(process.pid, signal)
    }
    interruptedBy = signal
    abort.abort()
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)

  let output = new Output(argv.includes('--json'))
  let failed = false
  const program = buildProgram(COMMANDS, version, async (command, options, args) => {
    output = new Output(options.json === true, process, options.wei === true)
    const handler = await command.handler()
    const fail = (): void => {
      failed = true
    }
    const yes = options.yes === true
    output.result(await handler(options, args, { output, signal: abort.signal, env: process.env, yes, fail }))
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return failed ? EXIT_FAILED : EXIT_OK
  } catch (error) {
    // commander has printed its message already
    if (error instanceof CommanderError) return isHelp(error) ? EXIT_OK : EXIT_USAGE
    output.error(error)
    return isCoveyError(error, 'E_CONFIG') ? EXIT_USAGE : EXIT_FAILED
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}

/**
 * Ends the process when what it printed is out: nothing that was left open (a socket, a timer) may keep a finished command
 * up. An interrupted one whose engine still computes (threads/client.ts says why it cannot be stopped) ends by the signal
 * that interrupted it, as shells expect of one that does not catch it: 130 after Ctrl-C.
 */
export async function exitWith(code: number): Promise<never> {
  for (const stream of [process.stdout, process.stderr])
    await new Promise<void>((resolve) => stream.write('', () => resolve()))
  if (threadsCompute() && interruptedBy !== null) process.kill(process.pid, interruptedBy)
  await threadsIdle()
  process.exit(code)
}

if (import.meta.main) await exitWith(await runCli(process.argv.slice(2)))
