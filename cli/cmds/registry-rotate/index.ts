import { defineCommand } from '../../command.ts'
import { registryRotateOptions } from './options.ts'

/** `covey registry rotate`. */
export const registryRotate = defineCommand({
  name: 'registry rotate',
  summary: 'Move to a new peer key',
  description:
    'Makes a new key, binds it with both signatures and puts it in the old one’s place; the old peer id is refused from then on. The node must not run meanwhile. Run it again when it was interrupted.',
  examples: ['covey registry rotate'],
  options: registryRotateOptions,
  handler: async () => (await import('./handler.ts')).registryRotateHandler,
})
