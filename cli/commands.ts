/** Every command of `covey`, in the order of its help. */
import { chainUp } from './cmds/chain-up/index.ts'
import { chat } from './cmds/chat/index.ts'
import { coordinatorStart } from './cmds/coordinator-start/index.ts'
import { dataInspect } from './cmds/data-inspect/index.ts'
import { evaluate } from './cmds/eval/index.ts'
import { exportModel } from './cmds/export/index.ts'
import { init } from './cmds/init/index.ts'
import { nodeStart } from './cmds/node-start/index.ts'
import { quickstart } from './cmds/quickstart/index.ts'
import { serve } from './cmds/serve/index.ts'
import { train } from './cmds/train/index.ts'
import type { CliCommand } from './command.ts'

export const COMMANDS: readonly CliCommand[] = [quickstart, init, dataInspect, train, evaluate, chat, serve, exportModel, nodeStart, coordinatorStart, chainUp]
