import { defineCommand } from '../../command.ts'
import { benchOptions } from './options.ts'

/** `covey bench`: how fast does this machine train, and in which precision? */
export const bench = defineCommand({
  name: 'bench',
  summary: 'Measure how fast this machine trains, in each precision',
  description:
    'Takes a few LoRA steps in float32 and with the frozen weights in 8 bits, prints tokens per second, and keeps which one `--precision auto` takes from then on. With --model the steps are on that model, and nothing is kept.',
  examples: ['covey bench', 'covey bench --model ./SmolLM2-135M --threads 2 --json'],
  options: benchOptions,
  handler: async () => (await import('./handler.ts')).benchHandler,
})
