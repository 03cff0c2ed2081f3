import { defineCommand } from '../../command.ts'
import { pruneOptions } from './options.ts'

/** `covey prune`: fewer weights, or fewer layers. */
export const prune = defineCommand({
  name: 'prune',
  summary: 'Write a model with fewer weights or fewer layers, and train it again',
  description:
    'Either sets the smallest weights of the linear layers to 0 (--sparsity), or takes layers out (--drop-layers, --layers); then trains what is left on --data and merges that. Zeros stay zeros: they are put back after every round of training, and the report says what that costs. It prints size, speed, loss and exact match before, after pruning and after training. A model without some layers is smaller and faster everywhere. One with zeros has the same size and speed in Covey and in every dense runtime: it is for tools that store or compute sparse matrices, and it packs better. It is another base than the one that it was made from: adapters of that one do not fit it.',
  examples: [
    "covey prune ./SmolLM2-135M --layers 24 --data train.jsonl --prompt 'Q: {question}\\nA:' --completion ' {answer}' --out ./SmolLM2-24",
    'covey prune ./SmolLM2-135M --sparsity 0.5 --data train.jsonl --test held-out.jsonl --steps 400 --out ./SmolLM2-half',
    'covey prune ./SmolLM2-135M --drop-layers 20,21 --out ./SmolLM2-28',
  ],
  args: [{ name: 'model', help: 'a folder, or the name of a pulled model', required: true }],
  options: pruneOptions,
  handler: async () => (await import('./handler.ts')).pruneHandler,
})
