import { defineCommand } from '../../command.ts'
import { chainVerifyOptions } from './options.ts'

/** `covey chain verify`. */
export const chainVerify = defineCommand({
  name: 'chain verify',
  summary: 'Check that the contracts at the addresses are the ones that this version deploys',
  description:
    'Compares the hash of the code at each address with the addresses file, and the code itself with what this version would deploy, constructor arguments aside. An addresses file that somebody sent you is checked before any money goes where it points.',
  examples: ['covey chain verify --rpc https://rpc.example --contracts addresses.json'],
  options: chainVerifyOptions,
  handler: async () => (await import('./handler.ts')).chainVerifyHandler,
})
