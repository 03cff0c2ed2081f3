/**
 * The forward pass of decoders of Llama's shape (Touvron et al. 2023, arXiv:2302.13971; layer names and rotation as in
 * Hugging Face's LlamaForCausalLM) with what later families add: biases, norms over heads, norms behind each part, windows,
 * fused projections, multipliers. What a model has is in its config, not in its name.
 */
import type { ModelConfig } from '../../types/model.ts'
import { biased, columns, plus, scaled, shifted } from '../graph/elementwise.ts'
import type { Graph, Value } from '../graph/graph.ts'
import { pick, rmsNorm } from '../graph/ops.ts'
import { gated } from './activations.ts'
import {
  attention,
  type DecoderInputs,
  type DecoderOutputs,
  type DecoderWeights,
  embeddedRows,
  type Sight,
} from './attention.ts'
import { type RopeTables, rope, ropeTables, rotationOf } from './rope.ts'

export const EMBEDDING = 'model.embed_tokens.weight'
export const HEAD = 'lm_head.weight'

/** The parts of a block, with the config's features applied. */
interface Parts {
  norm(x: Value, name: string): Value
  /** with the layer's bias, if it has one */
  linears<const M extends readonly string[]>(modules: M, x: Value): { readonly [K in keyof M]: Value }
  /** x + what `module` makes of `y`, with norm and multiplier between */
  onto(x: Value, module: string, y: Value, postNorm: string): Value
}

export function llamaDecoder(
  g: Graph,
  config: ModelConfig,
  weights: DecoderWeights,
  inputs: DecoderInputs,
): DecoderOutputs {
  const { heads: H, kvHeads: K, headDim: h, ffnSize } = config
  const parts = partsOf(g, config, weights)
  const attend = attention(g, config, inputs)
  const tables = new Map<boolean, RopeTables>()
  const tablesOf = (local: boolean): RopeTables => {
    const known = tables.get(local) ?? ropeTables(g, inputs.positions, rotationOf(config, local))
    tables.set(local, known)
    return known
  }

  const embedded = embeddedRows(g, weights.weight(EMBEDDING), inputs)
  let x = scaled(g, embedded, config.embeddingScale ?? 1) // (N, D)
  for (let i = 0; i < config.layers; i++) {
    const layer = `model.layers.${i}`
    const local = config.window?.layers[i] ?? false
    const sight: Sight = { causal: true, window: local ? (config.window?.size ?? null) : null }
    const turned = tablesOf(local && config.window?.ropeTheta !== undefined)

    const a = parts.norm(x, `${layer}.input_layernorm`)
    const [q, k, v] = queriesKeysValues(`${layer}.self_attn`, a)
    const perHead = (name: string): ((rows: Value) => Value) | undefined =>
      config.qkNorm ? (rows) => parts.norm(rows, `${layer}.self_attn.${name}`) : undefined
    const o = attend.layer(
      i,
      rope(g, attend.heads(q, H, perHead('q_norm')), turned),
      rope(g, attend.heads(k, K, perHead('k_norm')), turned),
      attend.heads(v, K),
      sight,
    )
    // only attention moves numbers between places, so the rest of the last layer needs the wanted ones alone
    const last = i === config.layers - 1
    const wanted = (v: Value): Value => (last ? pick(g, v, inputs.index) : v)
    x = parts.onto(wanted(x), `${layer}.self_attn.o_proj`, wanted(o), `${layer}.post_attention_layernorm`)

    const b = parts.norm(x, `${layer}.${config.postNorms ? 'pre_feedforward_layernorm' : 'post_attention_layernorm'}`)
    const [gate, up] = gateUp(`${layer}.mlp`, b)
    const act = gated(g, config.activation ?? 'silu', gate, up)
    x = parts.onto(x, `${layer}.mlp.down_proj`, act, `${layer}.post_feedforward_layernorm`)
  }
  const hidden = scaled(g, parts.norm(x, 'model.norm'), config.logitScale ?? 1)
  return { embedded, hidden, keys: attend.keys, values: attend.values }

  function queriesKeysValues(module: string, x: Value): readonly [Value, Value, Value] {
    if (!config.fusedProjections) return parts.linears([`${module}.q_proj`, `${module}.k_proj`, `${module}.v_proj`], x)
    const [all] = parts.linears([`${module}.qkv_proj`], x)
    return [columns(g, all, 0, H * h), columns(g, all, H * h, K * h), columns(g, all, (H + K) * h, K * h)]
  }

  function gateUp(module: string, x: Value): readonly [Value, Value] {
    if (!config.fusedProjections) return parts.linears([`${module}.gate_proj`, `${module}.up_proj`], x)
    const [all] = parts.linears([`${module}.gate_up_proj`], x)
    return [columns(g, all, 0, ffnSize), columns(g, all, ffnSize, ffnSize)]
  }
}

function partsOf(g: Graph, config: ModelConfig, weights: DecoderWeights): Parts {
  const hasBias = (module: string): boolean =>
    config.biases?.includes(module.slice(module.lastIndexOf('.') + 1)) ?? false
  const withBias = (module: string, y: Value): Value =>
    hasBias(module) ? biased(g, y, weights.weight(`${module}.bias`)) : y
  const norm = (x: Value, name: string): Value =>
    rmsNorm(g, x, shifted(g, weights.weight(`${name}.weight`), config.normOffset ?? 0), config.normEpsilon)
  const residual = config.residualScale ?? 1
  return {
    norm,
    linears: <const M extends readonly string[]>(modules: M, x: Value) =>
      weights.linears(modules, x).map((y, i) => withBias(modules[i] as string, y)) as unknown as {
        readonly [K in keyof M]: Value
      },
    onto(x, module, y, postNorm) {
      // a linear layer's input can be scaled in place of its output, and the sum is part of its product
      if (!config.postNorms && !hasBias(module)) return weights.linear(module, scaled(g, y, residual), x)
      const made = withBias(module, weights.linear(module, y))
      return plus(g, x, scaled(g, config.postNorms ? norm(made, postNorm) : made, residual))
    },
  }
}
