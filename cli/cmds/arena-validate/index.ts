import { arenaArgument } from '../../arenas.ts'
import { defineCommand } from '../../command.ts'
import { arenaValidateOptions } from './options.ts'

/** `covey arena validate`. */
export const arenaValidate = defineCommand({
  name: 'arena validate',
  summary: 'Score the adapters of an epoch, or reveal the scores',
  description:
    'In the phase score: measures every revealed adapter and the best one so far on the slice, and commits to the scores. In the phase tally: reveals them. Blobs come from the data directory, from files that were handed over (--blob), or from peers (--bootstrap); their digests are on chain, so it does not matter who gives them.',
  examples: [
    'covey arena validate 1 --bootstrap /ip4/192.0.2.7/tcp/4001/p2p/12D3KooWExample',
    'covey arena validate 1 --blob a.blob --blob b.blob --blob slice.jsonl --blob spec.json',
    'covey arena validate 1',
  ],
  args: [arenaArgument],
  options: arenaValidateOptions,
  handler: async () => (await import('./handler.ts')).arenaValidateHandler,
})
