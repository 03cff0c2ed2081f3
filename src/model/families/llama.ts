/** Llama, SmolLM2, Llama 3.2 and everything else that says `LlamaForCausalLM` (DeepSeek's distillations among them). */
import { decoderFamily } from './decoder.ts'

export const llama = decoderFamily({ name: 'LlamaForCausalLM', modelType: 'llama' })
