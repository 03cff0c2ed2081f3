import { defineCommand } from '../../command.ts'
import { modelQuantizeOptions } from './options.ts'

/** `covey model quantize`. */
export const modelQuantize = defineCommand({
  name: 'model quantize',
  summary: "Write a model with its linear layers' weights in 8 or 4 bits",
  description:
    'Reads any model folder that Covey reads and writes another one in the format of compressed-tensors, which transformers and vLLM read too: 8 bits with one scale an output, or 4 bits with one scale for 32 inputs. Embeddings, norms, biases and the head stay as they are. One tensor is in memory at a time; the folder appears when it is whole. It is another base than the one that it was made from: adapters of that one do not fit it. Prints sizes and by how much the weights moved; with --data also what that did to the loss.',
  examples: [
    'covey model quantize HuggingFaceTB/SmolLM2-135M --bits 4 --out ./SmolLM2-135M-4bit',
    'covey model quantize ./SmolLM2-135M --bits 8 --out ./SmolLM2-135M-8bit --data held-out.jsonl --limit 200',
  ],
  args: [{ name: 'model', help: 'a folder, or the name of a pulled model', required: true }],
  options: modelQuantizeOptions,
  handler: async () => (await import('./handler.ts')).modelQuantizeHandler,
})
