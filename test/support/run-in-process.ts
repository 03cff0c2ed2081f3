/** Runs one command line of `covey` in this process: for tests that would start many. */
import { COMMANDS } from '../../cli/commands.ts'
import { Output } from '../../cli/output.ts'
import { buildProgram } from '../../cli/program.ts'
import { isCoveyError } from '../../src/base/errors.ts'

export interface InProcessRun {
  /** what the command returned; undefined when it threw */
  readonly result: Record<string, unknown>
  readonly stdout: string
  readonly stderr: string
  /** the code of what it threw; null: nothing */
  readonly code: string | null
  /** it said that its result is a failure */
  readonly failed: boolean
}

/**
 * @param env all that the command sees of the environment
 * @param onText what it prints to standard output, as it comes
 */
export async function runInProcess(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  signal: AbortSignal = new AbortController().signal,
  onText: (text: string) => void = () => {},
): Promise<InProcessRun> {
  let [stdout, stderr, failed] = ['', '', false]
  let code: string | null = null
  let result: unknown
  let output = new Output(false)
  const program = buildProgram(COMMANDS, '0', async (command, options, given) => {
    const streams = {
      stdout: {
        write(text: string) {
          stdout += text
          onText(text)
        },
      },
      stderr: {
        write(text: string) {
          stderr += text
        },
      },
    }
    output = new Output(options.json === true, streams, options.wei === true)
    const handler = await command.handler()
    const fail = (): void => {
      failed = true
    }
    result = await handler(options, given, { output, signal, env, yes: options.yes === true, fail })
    output.result(result)
  })
  // nobody is there to be asked, also when the tests run in a terminal
  const { isTTY } = process.stdin
  process.stdin.isTTY = false
  try {
    await program.parseAsync([...args], { from: 'user' })
  } catch (error) {
    if (!isCoveyError(error)) throw error
    code = error.code
    output.error(error)
  } finally {
    process.stdin.isTTY = isTTY
  }
  return { result: result as Record<string, unknown>, stdout, stderr, code, failed }
}
