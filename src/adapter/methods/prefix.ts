/**
 * Prefix tuning, Li and Liang 2021 (arXiv:2101.00190): keys and values that every token of a text sees in each layer,
 * learnt directly (PEFT's `prefix_projection: false`).
 */
import { seededRandom } from '../../base/random.ts'
import type { ModelConfig } from '../../types/model.ts'
import { laid } from '../layout.ts'
import type { Method } from '../method.ts'
import { checkVirtual, EMBEDDINGS, virtualConfig } from './virtual.ts'

/** Width of a token's keys, or values, in one layer. */
const keyWidth = ({ kvHeads, headDim }: ModelConfig): number => kvHeads * headDim

export const prefix: Method<'prefix'> = {
  /** One matrix (tokens, layers·2·K·h): keys, then values of layer 0, then of layer 1, … */
  layout({ config }, { virtual }) {
    checkVirtual(virtual, config)
    const shape = [virtual.tokens, config.layers * 2 * keyWidth(config)]
    return { method: 'prefix', virtual, ...laid([{ name: EMBEDDINGS, module: '', shape }]) }
  },
  // keys point anywhere, values are 0: the prefix draws attention away until it has learnt, and adds nothing of its own
  untrained({ config }, { virtual, size }) {
    const random = seededRandom(`covey/prefix/1/${virtual.seed}`)
    const width = keyWidth(config)
    return Float32Array.from({ length: size }, (_, i) => (Math.floor(i / width) % 2 === 0 ? 2 * random.next() - 1 : 0))
  },
  peft: {
    type: 'PREFIX_TUNING',
    write: ({ virtual }, model) => ({
      num_virtual_tokens: virtual.tokens,
      num_layers: model.layers,
      num_attention_heads: model.kvHeads,
      token_dim: keyWidth(model),
      num_transformer_submodules: 1,
      encoder_hidden_size: keyWidth(model),
      prefix_projection: false,
      inference_mode: true,
      modules_to_save: null,
    }),
    read(json) {
      const { num_virtual_tokens } = virtualConfig.parse(json)
      return { method: 'prefix', virtual: { tokens: num_virtual_tokens, seed: 0 } }
    },
  },
}
