import { defineCommand } from '../../command.ts'
import { walletExportOptions } from './options.ts'

/** `covey wallet export`. */
export const walletExport = defineCommand({
  name: 'wallet export',
  summary: "Write a copy of the account's key for another wallet",
  description:
    'An Ethereum keystore (version 3) under a password of its own (--new-password-file, COVEY_NEW_PASSWORD, or asked for). With --raw the private key itself, in hexadecimal: to a file that only its owner may read, never to the screen.',
  examples: ['covey wallet export --out ./backup.json', 'covey wallet export --raw --out /media/vault/key.hex'],
  options: walletExportOptions,
  handler: async () => (await import('./handler.ts')).walletExportHandler,
})
