/** Builds the commander program out of the commands. Also read by scripts/cli-pages.ts, which writes docs/cli.md. */
import { Command, type CommanderError, Option } from 'commander'
import type { CliCommand, OptionDef, OptionDefs } from './command.ts'

/** What the words before a command's own name mean. */
export const GROUPS: Readonly<Record<string, string>> = {
  model: 'Get, list, check and remove base models',
  data: 'Look at data files',
  wallet: "Make, take over, copy and look at the account's key; send what it has",
  stake: 'Deposit, withdraw and show stake',
  delegate: 'Put tokens behind an operator, take them back, or take delegations',
  registry: 'Who operates a node, and under which peer id',
  rewards: 'Show, claim and explain rewards',
  task: 'Create, list, show, watch and cancel tasks',
  arena: 'Competitions for the best adapter: take part, score, keep them going',
  emissions: 'Lock tokens for the parts of tasks and arenas in the emissions, pull and claim',
  node: 'Take part in tasks',
  coordinator: 'Create a task and keep it going',
  chain: 'The embedded chain for one machine; the contracts on any chain',
}

export const EXIT_CODES = `Exit codes:
  0  done
  1  failed; the message says what to do
  2  the command line or the configuration is not valid`

/** Called with what the command line said. */
export type Execute = (
  command: CliCommand,
  options: Readonly<Record<string, unknown>>,
  args: readonly string[],
) => Promise<void>

export function buildProgram(commands: readonly CliCommand[], version: string, execute: Execute): Command {
  const program = new Command('covey')
    .description('Peers that fine-tune one small language model together without showing each other their data')
    .version(version)
    .addHelpText('after', `\n${EXIT_CODES}`)
    .showHelpAfterError('(add --help for what the command takes)')
    .exitOverride()
  for (const definition of commands) {
    const words = definition.name.split(' ')
    const name = words.pop() as string
    let parent = program
    for (const word of words) parent = parent.commands.find((c) => c.name() === word) ?? addGroup(parent, word)
    addCommand(parent, name, definition, execute)
  }
  return program
}

/** A commander error that means "help or version was printed", not a mistake. */
export function isHelp(error: CommanderError): boolean {
  return error.exitCode === 0
}

function addGroup(parent: Command, name: string): Command {
  return parent
    .command(name)
    .description(GROUPS[name] ?? '')
    .copyInheritedSettings(parent)
}

function addCommand(parent: Command, name: string, definition: CliCommand, execute: Execute): void {
  const command = parent
    .command(name)
    .summary(definition.summary)
    .description(definition.description ?? definition.summary)
    .copyInheritedSettings(parent)
  for (const { name: arg, help, required } of definition.args ?? []) {
    command.argument(required ? `<${arg}>` : `[${arg}]`, help)
  }
  for (const def of Object.values(definition.options)) command.addOption(toOption(def))
  command.option('--json', 'print JSON on standard output and nothing else')
  command.addHelpText(
    'after',
    `\nExample${definition.examples.length > 1 ? 's' : ''}:\n${definition.examples.map((e) => `  $ ${e}`).join('\n')}`,
  )
  command.action(async (...given: unknown[]) => {
    // commander passes the arguments, then the options, then the command
    const args = given.slice(0, (definition.args ?? []).length).map((a) => (a === undefined ? '' : String(a)))
    const said: Record<string, unknown> = command.opts()
    const values = Object.entries(definition.options).map(([key, def]) => [key, said[key] ?? def.fallback])
    await execute(definition, { ...Object.fromEntries(values), json: said.json === true }, args)
  })
}

function toOption(def: OptionDef<unknown>): Option {
  const made = new Option(def.flags, def.help)
  const { parse } = def
  if (parse !== undefined && def.many) {
    made.argParser((value: string, before: unknown) => [...(Array.isArray(before) ? before : []), parse(value)])
  } else if (parse !== undefined) {
    made.argParser(parse)
    // shown in the help; a switch that is off and a value that is absent go without saying
    if (def.fallback !== null) made.default(def.fallback)
  }
  return made
}

/** Names that commander will give an option's value, for the check that `options` is keyed by them. */
export function optionKeys(defs: OptionDefs): string[] {
  return Object.values(defs).map((def) => new Option(def.flags).attributeName())
}
