/**
 * The forward pass of blocks as they were before Llama: LayerNorm, biases, learned positions, a feed-forward without gate.
 * OPT (Zhang et al. 2022, arXiv:2205.01068) and DistilBERT (Sanh et al. 2019, arXiv:1910.01108).
 */
import { CoveyError } from '../../base/errors.ts'
import type { ModelConfig } from '../../types/model.ts'
import { biased, plus, tableRows } from '../graph/elementwise.ts'
import type { Graph, Value } from '../graph/graph.ts'
import { layerNorm } from '../graph/norm.ts'
import { pick } from '../graph/ops.ts'
import { activation } from './activations.ts'
import {
  attention,
  type DecoderInputs,
  type DecoderOutputs,
  type DecoderWeights,
  embeddedRows,
  placesOf,
} from './attention.ts'

export function plainTransformer(
  g: Graph,
  config: ModelConfig,
  weights: DecoderWeights,
  inputs: DecoderInputs,
): DecoderOutputs {
  const { plain, heads: H } = config
  if (!plain) throw new CoveyError('E_INTERNAL', `${config.architecture} has no plain blocks`)
  const { names } = plain
  const withBias = (module: string, y: Value): Value => biased(g, y, weights.weight(`${module}.bias`))
  const linear = (module: string, x: Value): Value => withBias(module, weights.linear(module, x))
  const norm = (name: string | null, x: Value): Value =>
    name === null
      ? x
      : layerNorm(g, x, weights.weight(`${name}.weight`), weights.weight(`${name}.bias`), config.normEpsilon)
  const before = (name: string, x: Value): Value => (plain.postNorm ? x : norm(name, x))
  const behind = (name: string, x: Value): Value => (plain.postNorm ? norm(name, x) : x)
  const attend = attention(g, config, inputs)

  const embedded = embeddedRows(g, weights.weight(names.embedding), inputs)
  const wide = names.projectIn === null ? embedded : weights.linear(names.projectIn, embedded)
  let x = norm(names.embeddingNorm, plus(g, wide, positionRows())) // (N, D)
  for (let i = 0; i < config.layers; i++) {
    const at = (name: string): string => name.replace('*', String(i))
    const modules = [at(names.query), at(names.key), at(names.value)] as const
    const a = before(at(names.attentionNorm), x)
    const [q, k, v] = weights.linears(modules, a).map((y, n) => withBias(modules[n] as string, y)) as [
      Value,
      Value,
      Value,
    ]
    const o = attend.layer(i, attend.heads(q, H), attend.heads(k, H), attend.heads(v, H), {
      causal: plain.causal,
      window: null,
    })
    // only attention moves numbers between places, so the rest of the last layer needs the wanted ones alone
    const last = i === config.layers - 1
    const wanted = (v: Value): Value => (last ? pick(g, v, inputs.index) : v)
    x = behind(at(names.attentionNorm), plus(g, wanted(x), linear(at(names.out), wanted(o))))
    const b = before(at(names.ffnNorm), x)
    const act = activation(g, config.activation ?? 'relu', linear(at(names.up), b))
    x = behind(at(names.ffnNorm), plus(g, x, linear(at(names.down), act)))
  }
  const top = norm(names.finalNorm, x)
  const narrow = names.projectOut === null ? top : weights.linear(names.projectOut, top)
  return { embedded, hidden: headInput(narrow), keys: attend.keys, values: attend.values }

  function positionRows(): Value {
    const N = placesOf(inputs.positions)
    const flat = g.op('Reshape', [inputs.positions, g.ints([-1])], [N], { type: 'int64' })
    const offset = plain?.positionOffset ?? 0
    const rows = offset === 0 ? flat : g.op('Add', [flat, g.ints([offset])], [N], { type: 'int64' })
    return tableRows(g, weights.weight(names.positions), rows)
  }

  function headInput(h: Value): Value {
    const head = plain?.head
    if (!head) return h
    return norm(head.norm, activation(g, head.activation, linear(head.transform, h)))
  }
}
