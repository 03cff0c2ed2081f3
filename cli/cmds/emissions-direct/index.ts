import { defineCommand } from '../../command.ts'
import { emissionsDirectOptions } from './options.ts'

/** `covey emissions direct`. */
export const emissionsDirect = defineCommand({
  name: 'emissions direct',
  summary: 'Turn a lock’s weight to another task or arena',
  examples: ['covey emissions direct 3 --task 2', 'covey emissions direct 3 --arena 1'],
  args: [{ name: 'lock', help: 'the number that `covey emissions show` gives it', required: true }],
  options: emissionsDirectOptions,
  handler: async () => (await import('./handler.ts')).emissionsDirectHandler,
})
