/** (IA)³, Liu et al. 2022 (arXiv:2205.05638): a layer's output, or a feed-forward's input, times a learned vector. */
import { CoveyError } from '../../../base/errors.ts'
import { byColumns, switched } from '../../graph/adapter-ops.ts'
import { plus as sumOf, times } from '../../graph/elementwise.ts'
import type { Value } from '../../graph/graph.ts'
import { reshape } from '../../graph/ops.ts'
import type { MethodGraph } from '../adapter-graph.ts'

export const ia3: MethodGraph<'ia3'> = ({ g, layout, value, switchedOn }) => {
  const on = switchedOn()
  const vectors = new Map(
    layout.entries.map(({ name, module, shape }) => {
      const width = Math.max(...shape)
      const flat = reshape(g, value(name), [width], [width], shape)
      return [module, switched(g, on, flat, 1)]
    }),
  )
  const fits = (module: string, vector: Value, width: unknown): void => {
    if (vector.shape[0] === width) return
    const message = `the adapter's vector of ${module} is of width ${vector.shape[0]}, expected ${width}`
    throw new CoveyError('E_ADAPTER', message, { module })
  }
  const readsInput = (module: string): boolean => layout.ia3.feedforward.includes(module.split('.').at(-1) as string)
  return {
    linear(module, x, frozen, plus) {
      const vector = vectors.get(module)
      if (!vector) return frozen.product(x, plus)
      if (readsInput(module)) {
        fits(module, vector, x.shape[1])
        return frozen.product(byColumns(g, x, vector), plus)
      }
      const y = frozen.product(x)
      fits(module, vector, y.shape[1])
      const out = byColumns(g, y, vector)
      return plus ? sumOf(g, out, plus) : out
    },
    // the bias is part of the output that is multiplied
    weight(name, bias) {
      const module = name.endsWith('.bias') ? name.slice(0, -'.bias'.length) : ''
      const vector = vectors.get(module)
      return vector && !readsInput(module) ? times(g, bias, vector) : bias
    },
  }
}
