import { defineCommand } from '../../command.ts'
import { modelPullOptions } from './options.ts'

/** `covey model pull`: a model into the library. */
export const modelPull = defineCommand({
  name: 'model pull',
  summary: 'Get a base model from Hugging Face, a mirror or a folder',
  description:
    'Downloads what training and serving need (config, tokenizer, weights in safetensors, licence), all of one commit, and checks every file against the digest that the hub lists. A pull that was stopped goes on where it was. A token for private or gated models comes from HF_TOKEN; it is sent to the hub of --endpoint only. Models go to the folder `models` of the data directory (COVEY_MODELS: another one), and --model of the other commands takes their names. Behind a proxy: NODE_USE_ENV_PROXY=1 and HTTPS_PROXY. With --json: a line a second, the last one is the result.',
  examples: [
    'covey model pull HuggingFaceTB/SmolLM2-135M',
    'covey model pull https://huggingface.co/HuggingFaceTB/SmolLM2-135M/tree/main --name me/smol',
    'covey model pull ./SmolLM2-135M --link',
  ],
  args: [{ name: 'model', help: 'org/name, the address of its page, or a folder', required: true }],
  options: modelPullOptions,
  handler: async () => (await import('./handler.ts')).modelPullHandler,
})
