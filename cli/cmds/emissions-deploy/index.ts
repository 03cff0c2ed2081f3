import { defineCommand } from '../../command.ts'
import { emissionsDeployOptions } from './options.ts'

/** `covey emissions deploy`. */
export const emissionsDeploy = defineCommand({
  name: 'emissions deploy',
  summary: 'Put the emissions contract beside a deployment',
  description:
    'Adds its address to the --contracts file. At the default rate half of the supply is emitted in two years.',
  examples: ['covey emissions deploy 1000000', 'covey emissions deploy 1000000 --rate 950000 --holders 20'],
  args: [{ name: 'supply', help: 'all that is ever emitted, such as 1000000', required: true }],
  options: emissionsDeployOptions,
  handler: async () => (await import('./handler.ts')).emissionsDeployHandler,
})
