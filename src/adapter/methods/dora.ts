/**
 * DoRA, Liu et al. 2024 (arXiv:2402.09353): LoRA changes the direction of each row of W, a vector of magnitudes its length:
 * m·(W + s·B·A)/‖W + s·B·A‖, row by row.
 */
import { loraScale } from '../../base/lora-scale.ts'
import type { LayoutOf } from '../../types/adapter.ts'
import type { BaseModel } from '../../types/model.ts'
import {
  checkLora,
  drawUniform,
  entryValues,
  factorsOf,
  laid,
  linearNames,
  linearsNamed,
  PEFT_PREFIX,
} from '../layout.ts'
import type { Method } from '../method.ts'
import { factorsThatFit, readLora, rowsWithProduct, writeLora } from './lora.ts'

const MAGNITUDE = '.lora_magnitude_vector'

const magnitudes = ({ entries }: LayoutOf<'dora'>) => entries.filter((e) => e.name.endsWith(MAGNITUDE))

/** ‖·‖ of each row of a matrix, (out). */
function rowNorms(base: BaseModel, module: string): Float32Array {
  const [outputs, inputs] = base.shape(`${module}.weight`) as [number, number]
  const w = base.tensor(`${module}.weight`)
  return Float32Array.from({ length: outputs }, (_, o) => norm(w.subarray(o * inputs, (o + 1) * inputs)))
}

function norm(row: Float32Array | Float64Array): number {
  let sum = 0
  for (let i = 0; i < row.length; i++) sum += (row[i] as number) ** 2
  return Math.sqrt(sum)
}

export const dora: Method<'dora'> = {
  layout({ config }, { lora }) {
    checkLora(lora, linearNames(config))
    const parts = linearsNamed(config, lora.targets).flatMap((l) => [
      ...factorsOf(l, lora.rank).map(({ name, module, shape }) => ({ name, module, shape })),
      { name: `${PEFT_PREFIX}${l.module}${MAGNITUDE}`, module: l.module, shape: [l.outputs] },
    ])
    return { method: 'dora', lora, ...laid(parts) }
  },
  untrained(model, layout) {
    factorsThatFit(model, layout)
    const values = new Float32Array(layout.size)
    for (const entry of layout.entries)
      if (entry.name.endsWith('.lora_A.weight')) drawUniform(values, entry, layout.lora.seed)
    for (const entry of magnitudes(layout)) entryValues(values, entry).set(rowNorms(model, entry.module))
    return values
  },
  merged(base, layout, values) {
    const scale = loraScale(layout.lora)
    const of = new Map(magnitudes(layout).map((e) => [e.module, entryValues(values, e)]))
    return new Map(
      factorsThatFit(base, layout).map(({ module, a, b }) => [
        `${module}.weight`,
        (w) => {
          const out = new Float32Array(w.length)
          const lengths = of.get(module) as Float32Array
          let o = 0
          for (const row of rowsWithProduct(
            w,
            entryValues(values, a),
            entryValues(values, b),
            layout.lora.rank,
            scale,
          )) {
            const by = (lengths[o] as number) / norm(row)
            const at = o * row.length
            for (let i = 0; i < row.length; i++) out[at + i] = (row[i] as number) * by
            o++
          }
          return out
        },
      ]),
    )
  },
  peft: {
    type: 'LORA',
    write: ({ lora }) => writeLora(lora, true),
    read(json, model) {
      const { lora, dora } = readLora(json, model)
      return dora ? { method: 'dora', lora } : null
    },
  },
}
