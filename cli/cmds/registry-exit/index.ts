import { defineCommand } from '../../command.ts'
import { registryExitOptions } from './options.ts'

/** `covey registry exit`. */
export const registryExit = defineCommand({
  name: 'registry exit',
  summary: 'Take the account out of the registry',
  description:
    'For an account with nothing at stake and nothing unbonding. It leaves its tasks first; its peer id is refused from then on.',
  examples: ['covey registry exit'],
  options: registryExitOptions,
  handler: async () => (await import('./handler.ts')).registryExitHandler,
})
