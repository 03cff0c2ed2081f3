/** Bottleneck adapters (Houlsby et al. 2019, arXiv:1902.00751): h + f(h·downᵀ + b)·upᵀ + b behind the last layer of a part. */

import { biased, plus as sumOf } from '../../graph/elementwise.ts'
import { linear } from '../../graph/ops.ts'
import { activation } from '../activations.ts'
import type { MethodGraph } from '../adapter-graph.ts'

export const bottleneck: MethodGraph<'bottleneck'> = ({ g, layout, value }) => {
  const modules = new Set(layout.entries.map((e) => e.module))
  return {
    linear(module, x, frozen, plus) {
      if (!modules.has(module)) return frozen.product(x, plus)
      const tensor = (name: string) => value(`${module}.adapter.${name}`)
      const y = frozen.product(x)
      const bias = frozen.bias()
      const h = bias ? biased(g, y, bias) : y
      const down = biased(g, linear(g, h, tensor('down.weight')), tensor('down.bias'))
      const low = activation(g, layout.bottleneck.activation, down)
      const out = biased(g, linear(g, low, tensor('up.weight'), y), tensor('up.bias'))
      return plus ? sumOf(g, out, plus) : out
    },
  }
}
