/** Weights of the base with a change of their own, some or all: base + change stands in their place. */

import { CoveyError } from '../../../base/errors.ts'
import type { LayoutOf } from '../../../types/adapter.ts'
import { plus } from '../../graph/elementwise.ts'
import type { AdapterGraph, MethodGraph, MethodGraphInput } from '../adapter-graph.ts'

type Input = Omit<MethodGraphInput<'full'>, 'layout'> & { readonly layout: Pick<LayoutOf<'full'>, 'entries'> }

function replaced({ g, model, layout, value }: Input): AdapterGraph {
  return {
    replaced: new Map(
      layout.entries.map(({ name, shape }) => {
        const got = model.tensorNames.includes(name) ? model.shape(name).join(', ') : 'no such tensor'
        if (got !== shape.join(', ')) {
          const message = `the adapter changes ${name} [${shape.join(', ')}], the model has [${got}]`
          throw new CoveyError('E_ADAPTER', message, { name })
        }
        // the trained input has the tensor's own name, by which sparse gradients find it
        const base = g.weight(`${name}:base`, shape, 'float32', () => model.tensor(name))
        return [name, plus(g, base, value(name))]
      }),
    ),
  }
}

export const selective: MethodGraph<'selective'> = replaced
export const full: MethodGraph<'full'> = replaced
