/**
 * (IA)³, Liu et al. 2022 (arXiv:2205.05638): keys, values and what the feed-forward holds are multiplied with a learned
 * vector. As PEFT has it: of a feed-forward layer the input, of every other the output, bias included.
 */
import { z } from 'zod'
import { CoveyError } from '../../base/errors.ts'
import type { Ia3Config } from '../../types/adapter.ts'
import type { BaseModel, ModelConfig } from '../../types/model.ts'
import { checkNames } from '../checks.ts'
import { entryValues, laid, linearNames, linearsNamed, PEFT_PREFIX } from '../layout.ts'
import type { MergedTensors, Method } from '../method.ts'
import { absent, onceTargets, targetNames } from '../peft-fields.ts'

const lastName = (module: string): string => module.slice(module.lastIndexOf('.') + 1)

/** Keys, values and the feed-forward's second matrix, as in the paper. */
export function ia3Defaults(config: ModelConfig): Ia3Config {
  const { plain } = config
  const down = lastName(plain?.names.down ?? 'down_proj')
  const attention = plain
    ? [lastName(plain.names.key), lastName(plain.names.value)]
    : config.fusedProjections
      ? ['qkv_proj']
      : ['k_proj', 'v_proj']
  return { targets: [...attention, down], feedforward: [down] }
}

const peftConfig = z.object({
  target_modules: targetNames,
  feedforward_modules: targetNames.or(z.array(z.string()).max(0)),
  exclude_modules: absent,
  fan_in_fan_out: z.literal(false).default(false),
  modules_to_save: absent,
})

/** W (out, in) with row o multiplied by rows[o], or column i by columns[i]. */
function multiplied(w: Float32Array, by: Float32Array, columns: boolean): Float32Array {
  const width = columns ? by.length : w.length / by.length
  return w.map((x, i) => x * (by[columns ? i % width : Math.floor(i / width)] as number))
}

function checkWidth(base: BaseModel, weight: string, columns: boolean, wants: number): void {
  const got = base.tensorNames.includes(weight) ? base.shape(weight) : null
  if (got?.[columns ? 1 : 0] === wants) return
  const has = got ? `[${got.join(', ')}]` : 'no such tensor'
  throw new CoveyError(
    'E_ADAPTER',
    `${weight}: the adapter wants ${columns ? 'inputs' : 'outputs'} of width ${wants}, base ${base.name} has ${has}`,
    { tensor: weight },
  )
}

export const ia3: Method<'ia3'> = {
  layout({ config }, { ia3 }) {
    checkNames('targets', ia3.targets, linearNames(config))
    checkNames('feedforward', ia3.feedforward, ia3.targets, 0)
    const parts = linearsNamed(config, ia3.targets).map(({ module, name, inputs, outputs }) => ({
      name: `${PEFT_PREFIX}${module}.ia3_l`,
      module,
      shape: ia3.feedforward.includes(name) ? [1, inputs] : [outputs, 1],
    }))
    return { method: 'ia3', ia3, ...laid(parts) }
  },
  untrained: (_model, layout) => new Float32Array(layout.size).fill(1),
  merged(base, layout, values) {
    const out: [string, (w: Float32Array) => Float32Array][] = []
    for (const entry of layout.entries) {
      const columns = layout.ia3.feedforward.includes(lastName(entry.module))
      const by = entryValues(values, entry)
      checkWidth(base, `${entry.module}.weight`, columns, by.length)
      out.push([`${entry.module}.weight`, (w) => multiplied(w, by, columns)])
      if (!columns && base.tensorNames.includes(`${entry.module}.bias`))
        out.push([`${entry.module}.bias`, (w) => multiplied(w, by, false)])
    }
    return new Map(out) satisfies MergedTensors
  },
  peft: {
    type: 'IA3',
    write: ({ ia3 }) => ({
      target_modules: ia3.targets,
      feedforward_modules: ia3.feedforward,
      exclude_modules: null,
      fan_in_fan_out: false,
      inference_mode: true,
      init_ia3_weights: true,
      modules_to_save: null,
    }),
    read(json, model) {
      const c = peftConfig.parse(json)
      const targets = onceTargets(c.target_modules, linearNames(model))
      return {
        method: 'ia3',
        ia3: { targets, feedforward: onceTargets(c.feedforward_modules, targets, 'feedforward_modules') },
      }
    },
  },
}
