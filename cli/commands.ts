/** Every command of `covey`, in the order of its help. */
import { dataInspect } from './cmds/data-inspect/index.ts'
import type { CliCommand } from './command.ts'

export const COMMANDS: readonly CliCommand[] = [dataInspect]
