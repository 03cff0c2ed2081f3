/**
 * What a command of `covey` is. Each has a folder cmds/NAME: `options.ts` says what it can be told, `handler.ts` does the
 * work, `index.ts` puts both together with the help text. Handlers are imported when they run: `covey --help` must not
 * load an engine.
 *
 * @example
 * export const greet = defineCommand({
 *   name: 'greet',
 *   summary: 'Say hello',
 *   examples: ['covey greet Ann --times 2'],
 *   args: [{ name: 'who', help: 'whom to greet', required: true }],
 *   options: { times: option('--times <n>', 'how often', integer(1), 1) },
 *   handler: async () => (await import('./handler.ts')).greetHandler,
 * })
 */
import { InvalidArgumentError } from 'commander'
import type { Output } from './output.ts'

/** Turns a command line's text into a value, or throws `InvalidArgumentError`. */
export type Parse<T> = (text: string) => T

export interface OptionDef<T> {
  readonly flags: string
  readonly help: string
  /** absent: a switch */
  readonly parse?: Parse<unknown>
  readonly fallback: T
  /** may be given several times; values come as a list */
  readonly many?: boolean
}

export type OptionDefs = Readonly<Record<string, OptionDef<unknown>>>
export type OptionValues<D extends OptionDefs> = {
  readonly [K in keyof D]: D[K] extends OptionDef<infer T> ? T : never
}

export interface ArgumentDef {
  readonly name: string
  readonly help: string
  readonly required: boolean
}

export interface CommandContext {
  readonly output: Output
  /** fires on SIGINT and SIGTERM: finish soon, and tidily */
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  /** --yes: what a command asks before it writes is agreed to */
  readonly yes?: boolean
  /** the result is printed as it is, and the exit code is 1 all the same */
  fail(): void
}

/**
 * Does the command's work. What it returns is printed by `--json`; for people it prints by itself.
 * @param args in the order of the definition; '' for an optional one that was left out
 */
export type Handler<D extends OptionDefs> = (
  options: OptionValues<D>,
  args: readonly string[],
  context: CommandContext,
) => Promise<unknown>

export interface CommandSpec<D extends OptionDefs> {
  /** `stake deposit` is the command `deposit` of the group `stake` */
  readonly name: string
  readonly summary: string
  readonly description?: string
  readonly examples: readonly [string, ...string[]]
  readonly args?: readonly ArgumentDef[]
  /** by the name that commander gives them: `--learning-rate` is learningRate */
  readonly options: D
  readonly handler: () => Promise<Handler<D>>
}

/** A command whose options' types have been checked where it was defined. */
export type CliCommand = CommandSpec<OptionDefs>

export function defineCommand<const D extends OptionDefs>(command: CommandSpec<D>): CliCommand {
  // sound: program.ts calls the handler with values that these very options parsed
  return command as unknown as CliCommand
}

/** An option with a value. */
export function option<T, F extends T | null>(
  flags: string,
  help: string,
  parse: Parse<T>,
  fallback: F,
): OptionDef<T | F> {
  return { flags, help, parse, fallback }
}

/** An option that may be given several times. */
export function list<T>(flags: string, help: string, parse: Parse<T>): OptionDef<readonly T[]> {
  return { flags, help, parse, fallback: [], many: true }
}

/** A switch: `--keep`, or `--no-compare` for one that is on by default. */
export function flag(flags: string, help: string): OptionDef<boolean> {
  return { flags, help, fallback: flags.startsWith('--no-') }
}

const refuse = (expected: string, got: string): InvalidArgumentError =>
  new InvalidArgumentError(`Expected ${expected}, got ${JSON.stringify(got)}.`)

/** Any text. */
export const text: Parse<string> = (value) => value

/** A whole number within bounds, both included. */
export const integer =
  (min: number, max = Number.MAX_SAFE_INTEGER): Parse<number> =>
  (value) => {
    const n = Number(value)
    if (/^-?\d+$/.test(value) && n >= min && n <= max) return n
    throw refuse(
      max === Number.MAX_SAFE_INTEGER ? `a whole number of at least ${min}` : `a whole number from ${min} to ${max}`,
      value,
    )
  }

/** A number within bounds, both included. */
export const decimal =
  (min: number, max = Number.MAX_VALUE): Parse<number> =>
  (value) => {
    const n = Number(value)
    if (value.trim() !== '' && Number.isFinite(n) && n >= min && n <= max) return n
    throw refuse(max === Number.MAX_VALUE ? `a number of at least ${min}` : `a number from ${min} to ${max}`, value)
  }

/** A word that `accepts` takes; `expected` says which those are. */
export const matching =
  <T extends string>(accepts: (value: string) => value is T, expected: string): Parse<T> =>
  (value) => {
    if (accepts(value)) return value
    throw refuse(expected, value)
  }

/** One of a few words. */
export const oneOf =
  <const T extends string>(...words: readonly T[]): Parse<T> =>
  (value) => {
    const word = words.find((w) => w === value)
    if (word !== undefined) return word
    throw refuse(words.join(' | '), value)
  }
