import { defineCommand } from '../../command.ts'
import { walletAddressOptions } from './options.ts'

/** `covey wallet address`. */
export const walletAddress = defineCommand({
  name: 'wallet address',
  summary: 'The address of the account, without its password',
  examples: ['covey wallet address', 'covey wallet address --signer http://127.0.0.1:8550'],
  options: walletAddressOptions,
  handler: async () => (await import('./handler.ts')).walletAddressHandler,
})
