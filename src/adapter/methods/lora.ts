/** LoRA and rsLoRA: W + s·B·A. The layout is layout.ts's, which the network's rounds use too. */
import { z } from 'zod'
import { CoveyError } from '../../base/errors.ts'
import { loraScale } from '../../base/lora-scale.ts'
import type { AdapterEntry, LayoutOf, LoraConfig } from '../../types/adapter.ts'
import type { BaseModel, ModelConfig } from '../../types/model.ts'
import { createLayout, entryValues, initialAdapter, linearNames } from '../layout.ts'
import type { Method } from '../method.ts'
import { absent, onceTargets, targetNames } from '../peft-fields.ts'

/** Both factors of a module, as they lie in a flat vector. */
export interface Factors {
  readonly module: string
  /** (rank, in) */
  readonly a: AdapterEntry
  /** (out, rank) */
  readonly b: AdapterEntry
}

/** The factors of each module, in the layout's order. @throws CoveyError E_ADAPTER when one of them does not fit the base */
export function factorsThatFit(base: BaseModel, layout: LayoutOf<'lora' | 'dora'>): Factors[] {
  const pairs = new Map<string, { a?: AdapterEntry; b?: AdapterEntry }>()
  for (const entry of layout.entries) {
    const pair = pairs.get(entry.module) ?? {}
    if (entry.name.endsWith('.lora_A.weight')) pair.a = entry
    if (entry.name.endsWith('.lora_B.weight')) pair.b = entry
    pairs.set(entry.module, pair)
  }
  return [...pairs].map(([module, { a, b }]) => {
    const weight = `${module}.weight`
    const shape = base.tensorNames.includes(weight) ? base.shape(weight) : null
    if (shape && a && b && shape[0] === b.shape[0] && shape[1] === a.shape[1]) return { module, a, b }
    const wants = a && b ? `[${b.shape[0]}, ${a.shape[1]}]` : 'both lora_A and lora_B'
    const got = shape ? `[${shape.join(', ')}]` : 'no such tensor'
    throw new CoveyError('E_ADAPTER', `${weight}: the adapter wants ${wants}, base ${base.name} has ${got}`, {
      tensor: weight,
    })
  })
}

/** W (out, in) + scale·B (out, rank)·A (rank, in) in float64, a row at a time. */
export function* rowsWithProduct(
  w: Float32Array,
  a: Float32Array,
  b: Float32Array,
  rank: number,
  scale: number,
): Generator<Float64Array> {
  const inputs = a.length / rank
  const outputs = b.length / rank
  const row = new Float64Array(inputs)
  for (let o = 0; o < outputs; o++) {
    row.fill(0)
    for (let k = 0; k < rank; k++) {
      const x = b[o * rank + k] as number
      if (x === 0) continue
      for (let i = 0; i < inputs; i++) row[i] = (row[i] as number) + x * (a[k * inputs + i] as number)
    }
    for (let i = 0; i < inputs; i++) row[i] = (w[o * inputs + i] as number) + scale * (row[i] as number)
    yield row
  }
}

const peftConfig = z.object({
  r: z.int().min(1),
  lora_alpha: z.number().gt(0),
  lora_dropout: z.number().min(0).lt(1).default(0),
  use_rslora: z.boolean().default(false),
  target_modules: targetNames,
  bias: z.literal('none').default('none'),
  fan_in_fan_out: z.literal(false).default(false),
  use_dora: z.boolean().default(false),
  lora_bias: z.literal(false).default(false),
  modules_to_save: absent,
  layers_to_transform: absent,
  rank_pattern: absent,
  alpha_pattern: absent,
  target_parameters: absent,
})

/** LoRA's settings out of PEFT's file, seed 0: PEFT does not say what A was drawn from. */
export function readLora(json: unknown, model: ModelConfig): { readonly lora: LoraConfig; readonly dora: boolean } {
  const c = peftConfig.parse(json)
  const lora: LoraConfig = {
    rank: c.r,
    alpha: c.lora_alpha,
    rsLora: c.use_rslora,
    dropout: c.lora_dropout,
    targets: onceTargets(c.target_modules, linearNames(model)),
    seed: 0,
  }
  return { lora, dora: c.use_dora }
}

export function writeLora(lora: LoraConfig, dora: boolean): Readonly<Record<string, unknown>> {
  return {
    r: lora.rank,
    lora_alpha: lora.alpha,
    lora_dropout: lora.dropout,
    use_rslora: lora.rsLora,
    target_modules: lora.targets,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    modules_to_save: null,
    layers_to_transform: null,
    layers_pattern: null,
    rank_pattern: {},
    alpha_pattern: {},
    use_dora: dora,
  }
}

export const lora: Method<'lora'> = {
  layout: (model, settings) => createLayout(model.config, settings.lora),
  untrained: (_model, layout) => initialAdapter(layout).values,
  merged(base, layout, values) {
    const { rank } = layout.lora
    const scale = loraScale(layout.lora)
    return new Map(
      factorsThatFit(base, layout).map(({ module, a, b }) => [
        `${module}.weight`,
        (w) => {
          const out = new Float32Array(w.length)
          let at = 0
          for (const row of rowsWithProduct(w, entryValues(values, a), entryValues(values, b), rank, scale)) {
            out.set(row, at)
            at += row.length
          }
          return out
        },
      ]),
    )
  },
  peft: {
    type: 'LORA',
    write: ({ lora }) => writeLora(lora, false),
    read(json, model) {
      const { lora, dora } = readLora(json, model)
      return dora ? null : { method: 'lora', lora }
    },
  },
}
