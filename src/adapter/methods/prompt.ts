/** Prompt tuning, Lester et al. 2021 (arXiv:2104.08691): embeddings of tokens that stand before every text. */
import { seededRandom } from '../../base/random.ts'
import type { ModelConfig } from '../../types/model.ts'
import { laid } from '../layout.ts'
import type { Method } from '../method.ts'
import { checkVirtual, EMBEDDINGS, virtualConfig } from './virtual.ts'

const tableName = ({ plain }: ModelConfig): string => plain?.names.embedding ?? 'model.embed_tokens.weight'
const tokenWidth = ({ plain, hiddenSize }: ModelConfig): number => plain?.embeddingSize ?? hiddenSize

export const prompt: Method<'prompt'> = {
  layout({ config }, { virtual }) {
    checkVirtual(virtual, config)
    const shape = [virtual.tokens, tokenWidth(config)]
    return { method: 'prompt', virtual, ...laid([{ name: EMBEDDINGS, module: '', shape }]) }
  },
  // rows of the vocabulary, which the paper found better than random numbers
  untrained({ config, ...model }, { virtual, size }) {
    const random = seededRandom(`covey/prompt/1/${virtual.seed}`)
    const width = tokenWidth(config)
    const table = model.tensor(tableName(config))
    const values = new Float32Array(size)
    for (let t = 0; t < virtual.tokens; t++) {
      const row = random.int(config.vocabSize)
      values.set(table.subarray(row * width, (row + 1) * width), t * width)
    }
    return values
  },
  peft: {
    type: 'PROMPT_TUNING',
    write: ({ virtual }, model) => ({
      num_virtual_tokens: virtual.tokens,
      num_layers: model.layers,
      num_attention_heads: model.heads,
      token_dim: tokenWidth(model),
      num_transformer_submodules: 1,
      prompt_tuning_init: 'RANDOM',
      prompt_tuning_init_text: null,
      tokenizer_name_or_path: null,
      inference_mode: true,
      modules_to_save: null,
    }),
    read(json) {
      const { num_virtual_tokens } = virtualConfig.parse(json)
      return { method: 'prompt', virtual: { tokens: num_virtual_tokens, seed: 0 } }
    },
  },
}
