import { defineCommand } from '../../command.ts'
import { registrySetOptions } from './options.ts'

/** `covey registry set`. */
export const registrySet = defineCommand({
  name: 'registry set',
  summary: 'Say who operates this node',
  description:
    'Name, address and contact are on chain for everybody to read; what is not given stays as it is, and an empty text takes it away.',
  examples: ['covey registry set --name "Ann’s node" --url https://ann.example --contact ann@ann.example'],
  options: registrySetOptions,
  handler: async () => (await import('./handler.ts')).registrySetHandler,
})
