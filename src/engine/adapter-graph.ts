/** LoRA inside a graph: which factors meet which linear layer, scale, dropout on the layer's input. */
import { CoveyError } from '../base/errors.ts'
import type { AdapterLayout, LoraConfig } from '../types/adapter.ts'
import { dropoutColumns } from './dropout.ts'
import type { Graph, Value } from './graph.ts'
import { lora, masked, rowsOf } from './ops.ts'

/** What a run must feed so that dropout has masks: `dropoutRows` of so many modules. */
export interface DropoutPlan {
  readonly input: string
  readonly modules: number
}

/** alpha/rank, or alpha/√rank for rsLoRA (Kalajdzievski 2023, arXiv:2312.03732). */
export function loraScale({ alpha, rank, rsLora }: LoraConfig): number {
  return alpha / (rsLora ? Math.sqrt(rank) : rank)
}

export interface AdapterGraph {
  adapt(module: string, y: Value, x: Value): Value
  readonly dropout: DropoutPlan | null
  /** @throws CoveyError E_ADAPTER when the layout names a linear layer that the decoder has not */
  finish(): void
}

/**
 * @param factors the values of the layout's entries by name
 * @param trainedIndex (L) the places that the last layer goes on with; null leaves dropout out, as scoring does
 */
export function adapterOf(
  g: Graph,
  layout: AdapterLayout,
  factors: ReadonlyMap<string, Value>,
  trainedIndex: Value | null,
): AdapterGraph {
  const pairs = new Map<string, { A?: Value; B?: Value }>()
  for (const entry of layout.entries) {
    const pair = pairs.get(entry.module) ?? {}
    const value = factors.get(entry.name)
    if (value) pair[entry.factor] = value
    pairs.set(entry.module, pair)
  }
  for (const [module, { A, B }] of pairs) {
    if (!A || !B)
      throw new CoveyError('E_ADAPTER', `the adapter's layout has one factor of ${module} only, expected A and B`, {
        module,
      })
  }
  const scale = loraScale(layout.lora)
  const modules = [...pairs.keys()]
  const rate = trainedIndex ? layout.lora.dropout : 0
  const rows = rate > 0 ? g.input('dropout', [modules.length, 'N']) : null
  const columns = new Map<number, Value>()
  const columnsOf = (width: number): Value => {
    const made = columns.get(width) ?? g.constant(dropoutColumns(width), [1, width])
    columns.set(width, made)
    return made
  }
  const drop = (module: string, x: Value): Value => {
    if (!rows) return x
    const one = g.op('Gather', [rows, g.ints([modules.indexOf(module)])], [1, 'N'], {
      attributes: { axis: { int: 0 } },
    })
    const all = g.op('Transpose', [one], ['N', 1], { attributes: { perm: { ints: [1, 0] } } })
    const column = x.shape[0] === 'N' || !trainedIndex ? all : rowsOf(g, all, trainedIndex)
    const product = g.op('Mul', [column, columnsOf(x.shape[1] as number)], x.shape)
    const fraction = g.op('Sub', [product, g.op('Floor', [product], x.shape)], x.shape)
    const keep = g.op('GreaterOrEqual', [fraction, g.scalar(rate)], x.shape, { type: 'bool' })
    return masked(g, x, g.op('Where', [keep, g.scalar(1 / (1 - rate)), g.scalar(0)], x.shape))
  }
  const unmet = new Set(modules)
  return {
    adapt(module, y, x) {
      const pair = pairs.get(module)
      if (!pair?.A || !pair.B) return y
      const [inputs, outputs] = [x.shape[1], y.shape[1]]
      if (pair.A.shape[1] !== inputs || pair.B.shape[0] !== outputs) {
        const got = `A (${pair.A.shape.join(', ')}), B (${pair.B.shape.join(', ')})`
        throw new CoveyError(
          'E_ADAPTER',
          `the adapter's factors of ${module} are ${got}, expected A (rank, ${inputs}), B (${outputs}, rank)`,
          { module },
        )
      }
      unmet.delete(module)
      return lora(g, y, drop(module, x), pair.A, pair.B, scale)
    },
    dropout: rows ? { input: rows.name, modules: modules.length } : null,
    finish() {
      const [module] = unmet
      if (module !== undefined) {
        throw new CoveyError('E_ADAPTER', `the adapter changes ${module}, which the model has not`, { module })
      }
    },
  }
}
