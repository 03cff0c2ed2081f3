import { defineCommand } from '../../command.ts'
import { walletSendOptions } from './options.ts'

/** `covey wallet send`. */
export const walletSend = defineCommand({
  name: 'wallet send',
  summary: "Send tokens, or the chain's coin for gas, to another account",
  description:
    'What was sent is its owner’s: nobody can call it back. Tokens for a contract of this deployment would be lost there, and are refused; `covey stake deposit`, `covey delegate to` and `covey task create` put tokens where they belong.',
  examples: [
    'covey wallet send 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 25',
    'covey wallet send 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 0.05 --native',
  ],
  args: [
    { name: 'to', help: "the other account's address", required: true },
    { name: 'amount', help: 'such as 12.5 or "10 wei"', required: true },
  ],
  options: walletSendOptions,
  handler: async () => (await import('./handler.ts')).walletSendHandler,
})
