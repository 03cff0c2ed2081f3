/** LoRA, Hu et al. 2021 (arXiv:2106.09685): factors on linear layers, a scale, dropout on what they read. */
import { CoveyError } from '../../../base/errors.ts'
import { loraScale } from '../../../base/lora-scale.ts'
import type { LayoutOf } from '../../../types/adapter.ts'
import type { Value } from '../../graph/graph.ts'
import { lora as addLora, masked, rowsOf } from '../../graph/ops.ts'
import { dropoutColumns } from '../../loop/dropout.ts'
import type { DropoutPlan, MethodGraph, MethodGraphInput } from '../adapter-graph.ts'

export interface Pair {
  /** (rank, in) */
  readonly A: Value
  /** (out, rank) */
  readonly B: Value
}

/** Both factors of each linear layer, in the layout's order. @throws CoveyError E_ADAPTER when one is missing */
export function pairsOf({
  layout,
  value,
}: Pick<MethodGraphInput<'lora' | 'dora'>, 'layout' | 'value'>): ReadonlyMap<string, Pair> {
  const found = new Map<string, { A?: Value; B?: Value }>()
  for (const { name, module } of layout.entries) {
    const pair = found.get(module) ?? {}
    if (name.endsWith('.lora_A.weight')) pair.A = value(name)
    if (name.endsWith('.lora_B.weight')) pair.B = value(name)
    found.set(module, pair)
  }
  return new Map(
    [...found].map(([module, { A, B }]) => {
      if (A && B) return [module, { A, B }]
      const message = `the adapter's layout has one factor of ${module} only, expected A and B`
      throw new CoveyError('E_ADAPTER', message, { module })
    }),
  )
}

/** @throws CoveyError E_ADAPTER when the factors are of another layer */
export function checkPair(module: string, { A, B }: Pair, inputs: unknown, outputs: unknown): void {
  if (A.shape[1] === inputs && B.shape[0] === outputs) return
  const got = `A (${A.shape.join(', ')}), B (${B.shape.join(', ')})`
  throw new CoveyError(
    'E_ADAPTER',
    `the adapter's factors of ${module} are ${got}, expected A (rank, ${inputs}), B (${outputs}, rank)`,
    { module },
  )
}

export interface Dropout {
  readonly plan: DropoutPlan | null
  drop(module: string, x: Value): Value
}

/** Masks of so many modules, fed as rows and columns (dropout.ts); none where nothing is trained. */
export function dropoutOf(
  {
    g,
    layout,
    trainedIndex,
  }: Omit<MethodGraphInput<'lora' | 'dora'>, 'layout'> & {
    readonly layout: LayoutOf<'lora' | 'dora'>
  },
  modules: readonly string[],
): Dropout {
  const rate = trainedIndex ? layout.lora.dropout : 0
  const rows = rate > 0 ? g.input('dropout', [modules.length, 'N']) : null
  const columns = new Map<number, Value>()
  const columnsOf = (width: number): Value => {
    const made = columns.get(width) ?? g.constant(dropoutColumns(width), [1, width])
    columns.set(width, made)
    return made
  }
  return {
    plan: rows ? { input: rows.name, modules: modules.length } : null,
    drop(module, x) {
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
    },
  }
}

export const lora: MethodGraph<'lora'> = (input) => {
  const { g, layout, apart } = input
  const pairs = pairsOf(input)
  const scale = loraScale(layout.lora)
  const { plan, drop } = dropoutOf(input, [...pairs.keys()])
  return {
    linear(module, x, frozen, plus) {
      const pair = pairs.get(module)
      const y = frozen.product(x, plus)
      if (!pair) return y
      checkPair(module, pair, x.shape[1], y.shape[1])
      return addLora(g, y, drop(module, x), pair.A, pair.B, scale, apart)
    },
    dropout: plan,
  }
}
