import { defineCommand } from '../../command.ts'
import { doctorOptions } from './options.ts'

/** `covey doctor`: can this machine do it? */
export const doctor = defineCommand({
  name: 'doctor',
  summary: 'Check this machine: Node, engine, chain, disk, ports, model',
  description:
    'Tries each thing that Covey needs instead of asking for its version: runs a tiny model, writes a file, opens the port. Ends with exit code 1 when something that is needed is missing.',
  examples: ['covey doctor', 'covey doctor --dir ./node1 --rpc http://127.0.0.1:8545 --json'],
  options: doctorOptions,
  handler: async () => (await import('./handler.ts')).doctorHandler,
})
