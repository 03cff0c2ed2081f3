/** A stage on which every command runs in this process: many are quicker so than as processes of their own. */
import { join } from 'node:path'
import { COMMANDS } from '../../../cli/commands.ts'
import { Output, toJson } from '../../../cli/output.ts'
import { buildProgram } from '../../../cli/program.ts'
import type { Name, Running, Stage } from './stage.ts'

export interface Run {
  /** what the command returned */
  readonly result: Record<string, unknown>
  readonly text: string
}

export class InProcess implements Stage {
  readonly dir: string
  readonly #env: Record<string, string>
  readonly #running = new Set<Running>()

  /** @param env all that commands see of an environment */
  constructor(dir: string, env: Readonly<Record<string, string>>) {
    this.dir = dir
    this.#env = { ...env }
  }

  setEnv(name: string, value: string): void {
    this.#env[name] = value
  }

  async covey(who: Name, line: string | readonly string[]): Promise<string> {
    return (await this.run(who, line)).text
  }

  async look(who: Name, line: string): Promise<Record<string, unknown>> {
    return JSON.parse(toJson((await this.run(who, line)).result)) as Record<string, unknown>
  }

  async begin(who: Name, line: string | readonly string[], ready: RegExp): Promise<Running> {
    const abort = new AbortController()
    let ended: Promise<unknown> = Promise.resolve()
    const found = await new Promise<string>((resolve, reject) => {
      ended = this.run(who, line, abort.signal, (text) => {
        const match = ready.exec(text)
        if (match !== null) resolve(match[1] ?? match[0])
      })
      ended.catch(reject)
    })
    const running: Running = {
      found,
      stop: async () => {
        if (!this.#running.delete(running)) return
        abort.abort()
        await ended
      },
    }
    this.#running.add(running)
    return running
  }

  async stopAll(): Promise<void> {
    for (const running of [...this.#running].reverse()) await running.stop()
  }

  /** @param onText all that it has printed so far, each time that it prints. @throws what the command throws */
  async run(
    who: Name,
    line: string | readonly string[],
    signal = new AbortController().signal,
    onText: (text: string) => void = () => {},
  ): Promise<Run> {
    let result: unknown
    let text = ''
    const write = (part: string): void => {
      text += part
      onText(text)
    }
    const output = new Output(false, { stdout: { write }, stderr: { write: () => {} } })
    const program = buildProgram(COMMANDS, '0', async (command, options, args) => {
      const handler = await command.handler()
      result = await handler(options, args, { output, signal, env: this.#env, yes: true, fail: () => {} })
    })
    const words = typeof line === 'string' ? line.split(' ') : line
    await program.parseAsync([...words, '--dir', join(this.dir, who)], { from: 'user' })
    return { result: result as Record<string, unknown>, text }
  }
}
