import { defineCommand } from '../../command.ts'
import { chainUpOptions } from './options.ts'

/** `covey chain up`: the embedded chain. */
export const chainUp = defineCommand({
  name: 'chain up',
  summary: 'Run the embedded chain for development on this machine',
  description:
    'Supervises anvil: seals a block when a transaction waits, writes its state to disk atomically, starts it again when it dies. Listens on 127.0.0.1 only.',
  examples: ['covey chain up --dir ./chain --port 8545 --fund 0x70997970C51812dc3A010C7d01b50e0d17dc79C8'],
  options: chainUpOptions,
  handler: async () => (await import('./handler.ts')).chainUpHandler,
})
