import { defineCommand } from '../../command.ts'
import { initOptions } from './options.ts'

/** `covey init`: keys and covey.json. */
export const init = defineCommand({
  name: 'init',
  summary: 'Make a data directory: an account, a peer key, covey.json',
  description:
    'Makes an Ethereum account and a libp2p identity, both in files encrypted under one password, and writes the settings given into covey.json. What exists already is kept.',
  examples: [
    'covey init --dir ./node1 --password-file ./password --rpc http://127.0.0.1:8545 --contracts ./contracts.json',
  ],
  options: initOptions,
  handler: async () => (await import('./handler.ts')).initHandler,
})
