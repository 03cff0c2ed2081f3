/** The graph of every method by its name, and the checks that all of them share. */
import { CoveyError } from '../../base/errors.ts'
import type { AdapterLayout, MethodName } from '../../types/adapter.ts'
import type { BaseModel } from '../../types/model.ts'
import type { Graph, Value } from '../graph/graph.ts'
import type { Product } from '../graph/per-example.ts'
import type { AdapterGraph, MethodGraph, MethodGraphInput } from './adapter-graph.ts'
import { bottleneck } from './methods/bottleneck.ts'
import { dora } from './methods/dora.ts'
import { ia3 } from './methods/ia3.ts'
import { lora } from './methods/lora.ts'
import { full, selective } from './methods/selective.ts'
import { prefix, prompt } from './methods/virtual.ts'

/** Fed where a graph can be the base alone although an adapter's numbers are not zeros that do nothing. */
export const SWITCH = 'adapter_on'

const GRAPHS: { readonly [M in MethodName]: MethodGraph<M> } = {
  lora,
  dora,
  ia3,
  bottleneck,
  prefix,
  prompt,
  selective,
  full,
}

export interface AdapterOptions {
  readonly model: BaseModel
  readonly layout: AdapterLayout
  /** the layout's tensors by name */
  readonly values: ReadonlyMap<string, Value>
  /** (L) in training, null in scoring and decoding */
  readonly trainedIndex: Value | null
  /** see `MethodGraphInput` */
  readonly apart?: Product[]
}

export interface PlacedAdapter extends AdapterGraph {
  /** @throws CoveyError E_ADAPTER when the layout names a linear layer that the decoder has not */
  finish(): void
}

/** @throws CoveyError E_ADAPTER */
export function adapterOf(g: Graph, { model, layout, values, trainedIndex, apart }: AdapterOptions): PlacedAdapter {
  let fed: Value | null = null
  const input: MethodGraphInput<MethodName> = {
    g,
    model,
    layout,
    value(name) {
      const value = values.get(name)
      if (value) return value
      throw new CoveyError('E_ADAPTER', `the adapter's layout has no ${name}`, { name })
    },
    trainedIndex,
    ...(apart && { apart }),
    switchedOn() {
      if (trainedIndex) return null
      fed ??= g.input(SWITCH, [], 'bool')
      return fed
    },
  }
  // each graph is given layouts of its own method only
  const made = (GRAPHS[layout.method] as MethodGraph<MethodName>)(input)
  const { linear } = made
  const known: ReadonlySet<string> = new Set(linear ? layout.entries.map((e) => e.module) : [])
  const unmet = new Set(known)
  return {
    ...made,
    ...(linear && {
      linear(module, x, frozen, plus) {
        if (!known.has(module)) return frozen.product(x, plus)
        unmet.delete(module)
        return linear(module, x, frozen, plus)
      },
    }),
    finish() {
      const [module] = unmet
      if (module !== undefined)
        throw new CoveyError('E_ADAPTER', `the adapter changes ${module}, which the model has not`, { module })
    },
  }
}
