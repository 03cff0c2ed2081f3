import { defineCommand } from '../../command.ts'
import { walletNewOptions } from './options.ts'

/** `covey wallet new`. */
export const walletNew = defineCommand({
  name: 'wallet new',
  summary: "Make an account's key file",
  description:
    'An Ethereum keystore (version 3) in the data directory, encrypted with a password that is asked for, or read from --password-file or COVEY_PASSWORD. A key file that exists is never overwritten. `covey init` makes one too, and the peer key that a node needs.',
  examples: ['covey wallet new', 'covey wallet new --dir ./treasury --password-file ./treasury.password'],
  options: walletNewOptions,
  handler: async () => (await import('./handler.ts')).walletNewHandler,
})
