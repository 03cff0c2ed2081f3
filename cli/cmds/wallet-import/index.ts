import { defineCommand } from '../../command.ts'
import { walletImportOptions } from './options.ts'

/** `covey wallet import`. */
export const walletImport = defineCommand({
  name: 'wallet import',
  summary: 'Take an account over from a key file, or from a private key',
  description:
    'From an Ethereum keystore (version 3, as geth, MetaMask and Foundry write them), or with --private-key from a raw key: asked for without being shown, or read from --private-key-file or from standard input, never from the command line. What is written is encrypted with a password of its own (--password-file, COVEY_PASSWORD, or asked for).',
  examples: [
    'covey wallet import ./keystore.json',
    'covey wallet import ./keystore.json --old-password-file ./old --password-file ./new',
    'covey wallet import --private-key',
  ],
  args: [{ name: 'keystore', help: 'an Ethereum keystore of version 3', required: false }],
  options: walletImportOptions,
  handler: async () => (await import('./handler.ts')).walletImportHandler,
})
