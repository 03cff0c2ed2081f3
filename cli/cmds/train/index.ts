import { defineCommand } from '../../command.ts'
import { trainOptions } from './options.ts'

/** `covey train`: alone, no network. */
export const train = defineCommand({
  name: 'train',
  summary: 'Train an adapter on a file of your own, without a network',
  description:
    'Trains on this machine only, with LoRA or another method, and writes an adapter folder that Covey reads, and Hugging Face PEFT where it has the method (LoRA, rsLoRA, DoRA, (IA)³, prefix, prompt). Nothing leaves the machine.',
  examples: [
    "covey train requests.jsonl --prompt 'Utterance: {text}\\nIntent:' --completion ' {intent}' --steps 300 --out ./adapter",
    'covey train requests.jsonl --method selective --module down_proj --layer 10 --layer 11 --out ./adapter',
    'covey train chats.jsonl --model ./SmolLM2-135M --test held-out.jsonl --json',
  ],
  args: [{ name: 'file', help: '.jsonl or .jsonl.gz', required: true }],
  options: trainOptions,
  handler: async () => (await import('./handler.ts')).trainHandler,
})
