import { defineCommand } from '../../command.ts'
import { arenaServeOptions } from './options.ts'

/** `covey arena serve`. */
export const arenaServe = defineCommand({
  name: 'arena serve',
  summary: 'Serve the blobs of the data directory to other peers',
  description:
    'Adapters, slices and specs that this directory holds, by their digests, until it is stopped. A node that runs on the directory does the same. Whoever submitted an adapter keeps it served until the epoch is settled: validators that cannot get it score it as absent.',
  examples: ['covey arena serve --listen /ip4/0.0.0.0/tcp/4001'],
  options: arenaServeOptions,
  handler: async () => (await import('./handler.ts')).arenaServeHandler,
})
