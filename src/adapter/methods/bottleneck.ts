/** Bottleneck adapters: Houlsby et al. 2019 (arXiv:1902.00751), Pfeiffer et al. 2021 (arXiv:2005.00247). PEFT has none. */
import type { ModelConfig } from '../../types/model.ts'
import { checkInteger, refuse } from '../checks.ts'
import { drawUniform, laid } from '../layout.ts'
import type { Method } from '../method.ts'

const MAX_WIDTH = 4096
const ACTIVATIONS = ['silu', 'gelu', 'gelu-tanh', 'relu']

/** The last linear layer of attention and of the feed-forward; `*` stands for the block's number. */
function lastLayers({ plain }: ModelConfig): { readonly attention: string; readonly feedforward: string } {
  return {
    attention: plain?.names.out ?? 'model.layers.*.self_attn.o_proj',
    feedforward: plain?.names.down ?? 'model.layers.*.mlp.down_proj',
  }
}

export const bottleneck: Method<'bottleneck'> = {
  layout({ config }, { bottleneck }) {
    const { placement, width, activation, seed } = bottleneck
    if (placement !== 'houlsby' && placement !== 'pfeiffer') refuse('placement', 'houlsby or pfeiffer', placement)
    if (!ACTIVATIONS.includes(activation)) refuse('activation', `one of ${ACTIVATIONS.join(', ')}`, activation)
    checkInteger('width', width, 1, MAX_WIDTH)
    checkInteger('seed', seed, 0, Number.MAX_SAFE_INTEGER)
    const { attention, feedforward } = lastLayers(config)
    const D = config.hiddenSize
    const parts = Array.from({ length: config.layers }, (_, i) =>
      (placement === 'houlsby' ? [attention, feedforward] : [feedforward]).flatMap((layer) => {
        const module = layer.replace('*', String(i))
        const tensor = (name: string, shape: number[]) => ({ name: `${module}.adapter.${name}`, module, shape })
        return [
          tensor('down.weight', [width, D]),
          tensor('down.bias', [width]),
          tensor('up.weight', [D, width]),
          tensor('up.bias', [D]),
        ]
      }),
    ).flat()
    return { method: 'bottleneck', bottleneck, ...laid(parts) }
  },
  // `up` is 0: what is added is 0 until it has learnt something
  untrained(_model, layout) {
    const values = new Float32Array(layout.size)
    for (const entry of layout.entries)
      if (entry.name.endsWith('.down.weight')) drawUniform(values, entry, layout.bottleneck.seed)
    return values
  },
}
