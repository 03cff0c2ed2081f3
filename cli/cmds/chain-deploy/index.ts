import { defineCommand } from '../../command.ts'
import { chainDeployOptions } from './options.ts'

/** `covey chain deploy`. */
export const chainDeploy = defineCommand({
  name: 'chain deploy',
  summary: 'Put the contracts on a chain and write down where they are',
  description:
    'On any EVM chain. With --token for a token that exists (an ERC-20 of fixed supply with permit and burn); otherwise a development token is made, its whole supply for the deploying account. Writes the addresses file that every other command takes with --contracts, with the hash of the code at each address.',
  examples: [
    'covey chain deploy --rpc http://127.0.0.1:8545 --out addresses.json',
    'covey chain deploy --rpc https://rpc.example --token 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --unbonding-days 14 --out addresses.json --signer http://127.0.0.1:8550',
  ],
  options: chainDeployOptions,
  handler: async () => (await import('./handler.ts')).chainDeployHandler,
})
