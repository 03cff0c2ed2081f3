import { defineCommand } from '../../command.ts'
import { emissionsClaimOptions } from './options.ts'

/** `covey emissions claim`. */
export const emissionsClaim = defineCommand({
  name: 'emissions claim',
  summary: 'Claim the part of the emissions that the account’s locks earned',
  examples: ['covey emissions claim'],
  options: emissionsClaimOptions,
  handler: async () => (await import('./handler.ts')).emissionsClaimHandler,
})
