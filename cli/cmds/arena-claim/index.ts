import { defineCommand } from '../../command.ts'
import { arenaClaimOptions } from './options.ts'

/** `covey arena claim`. */
export const arenaClaim = defineCommand({
  name: 'arena claim',
  summary: 'Move what arenas owe the account to it',
  description:
    'Rewards of entrants and validators, fees of keepers, and what is left of the pools of finished arenas. Those who delegate claim with `covey delegate claim`.',
  examples: ['covey arena claim'],
  options: arenaClaimOptions,
  handler: async () => (await import('./handler.ts')).arenaClaimHandler,
})
