import { arenaArgument } from '../../arenas.ts'
import { defineCommand } from '../../command.ts'
import { arenaSubmitOptions } from './options.ts'

/** `covey arena submit`. */
export const arenaSubmit = defineCommand({
  name: 'arena submit',
  summary: 'Enter a trained adapter into the open epoch',
  description:
    'In the phase submit: commits to the adapter. In the phase reveal: shows what was committed. The adapter lies among the blobs of the data directory then: `covey arena serve` (or a node on that directory) serves it by its digest, and --out writes it to a file.',
  examples: [
    'covey arena submit 1 ./adapter',
    'covey arena submit 1',
    'covey arena submit 1 ./adapter --out adapter.blob',
  ],
  args: [arenaArgument, { name: 'adapter', help: 'folder of the adapter; not needed to reveal', required: false }],
  options: arenaSubmitOptions,
  handler: async () => (await import('./handler.ts')).arenaSubmitHandler,
})
