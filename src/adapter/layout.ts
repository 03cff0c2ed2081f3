/**
 * Where the factors of a LoRA adapter lie in one flat vector, and the adapter that every task starts from.
 * LoRA: Hu et al. 2021, arXiv:2106.09685. rsLoRA: Kalajdzievski 2023, arXiv:2312.03732. Names and orientation are PEFT's.
 */
import { CoveyError } from '../base/errors.ts'
import { seededRandom } from '../base/random.ts'
import type { Adapter, AdapterEntry, AdapterLayout, LoraConfig, LoraFactor } from '../types/adapter.ts'
import { type LinearLayer, LLAMA_LINEARS, type ModelConfig, type Width } from '../types/model.ts'

/** Beyond this an adapter of a small model is no smaller than the model. */
const MAX_RANK = 1024
/** 1 GiB of float32: the flat vector, its two moments and the deltas of a round must fit in memory. */
const MAX_VALUES = 2 ** 28

/** The linear layers of a model by their last name, in the layout's order: what `targets` may name. */
export function linearNames(config: ModelConfig): string[] {
  return linearsOf(config).map(nameOf)
}

const linearsOf = (config: ModelConfig): readonly LinearLayer[] => config.linears ?? LLAMA_LINEARS
const nameOf = ({ module }: LinearLayer): string => module.slice(module.lastIndexOf('.') + 1)

/**
 * Layers ascending, in each the linear layers in the model's order, then those that stand behind all layers; A before B.
 * @throws CoveyError E_ADAPTER
 */
export function createLayout(config: ModelConfig, lora: LoraConfig): AdapterLayout {
  checkLora(lora, linearNames(config))
  const wanted = linearsOf(config).filter((l) => lora.targets.includes(nameOf(l)))
  const entries: AdapterEntry[] = []
  let offset = 0
  const add = (module: string, factor: LoraFactor, rows: number, columns: number): void => {
    entries.push({
      name: `base_model.model.${module}.lora_${factor}.weight`,
      module,
      factor,
      shape: [rows, columns],
      offset,
    })
    offset += rows * columns
  }
  const addPair = (module: string, layer: LinearLayer): void => {
    add(module, 'A', lora.rank, widthOf(config, layer.inputs))
    add(module, 'B', widthOf(config, layer.outputs), lora.rank)
  }
  for (let i = 0; i < config.layers; i++) {
    for (const layer of wanted) {
      if (layer.module.includes('*')) addPair(layer.module.replace('*', String(i)), layer)
    }
  }
  for (const layer of wanted) if (!layer.module.includes('*')) addPair(layer.module, layer)
  if (offset > MAX_VALUES) {
    throw new CoveyError(
      'E_ADAPTER',
      `the adapter would have ${offset} values, at most ${MAX_VALUES} are allowed; lower the rank or name fewer targets`,
      {
        size: offset,
      },
    )
  }
  return { lora, entries, size: offset }
}

function widthOf(config: ModelConfig, width: Width): number {
  const queries = config.heads * config.headDim
  const keys = config.kvHeads * config.headDim
  const widths: Record<Width, number> = {
    hidden: config.hiddenSize,
    queries,
    keys,
    queriesKeysValues: queries + 2 * keys,
    ffn: config.ffnSize,
    gateUp: 2 * config.ffnSize,
    embedding: config.plain?.embeddingSize ?? config.hiddenSize,
  }
  return widths[width]
}

/** s of y = xWᵀ + s·(xAᵀ)Bᵀ: alpha/rank, or alpha/√rank for rsLoRA. */
export function loraScale(lora: LoraConfig): number {
  return lora.rsLora ? lora.alpha / Math.sqrt(lora.rank) : lora.alpha / lora.rank
}

/**
 * The adapter before round 1: B = 0, so it changes nothing; A uniform in ±1/√in, which is PEFT's default
 * (`kaiming_uniform_(a=√5)`). Each A has its own stream, named by seed and tensor, so that adding a target does not move
 * the others. Integer and IEEE operations only: every peer draws the same bits.
 *
 * With frozen A the rows span the only directions that a task can ever learn. Uniform rows of length `in` much above
 * the rank are nearly orthogonal already (cosines about 1/√in). Orthonormal rows would need a decomposition in the one
 * place that every peer must agree on first; whether they learn better has not been measured.
 */
export function initialAdapter(layout: AdapterLayout): Adapter {
  const values = new Float32Array(layout.size)
  for (const entry of layout.entries) {
    if (entry.factor === 'B') continue
    const [rows, columns] = entry.shape
    const random = seededRandom(`covey/adapter/1/${layout.lora.seed}/${entry.name}`)
    const bound = 1 / Math.sqrt(columns)
    const end = entry.offset + rows * columns
    for (let i = entry.offset; i < end; i++) values[i] = (2 * random.next() - 1) * bound
  }
  return { layout, values }
}

/** The entry's part of a flat vector; shares its memory. */
export function entryValues(values: Float32Array, entry: AdapterEntry): Float32Array {
  return values.subarray(entry.offset, entry.offset + entry.shape[0] * entry.shape[1])
}

/** @throws CoveyError E_ADAPTER naming the field */
function checkLora(lora: LoraConfig, known: readonly string[]): void {
  const fail = (field: string, expected: string, got: unknown): CoveyError =>
    new CoveyError('E_ADAPTER', `adapter.${field}: expected ${expected}, got ${JSON.stringify(got)}`, { field, got })
  if (!Number.isInteger(lora.rank) || lora.rank < 1 || lora.rank > MAX_RANK)
    throw fail('rank', `an integer from 1 to ${MAX_RANK}`, lora.rank)
  if (!Number.isFinite(lora.alpha) || lora.alpha <= 0) throw fail('alpha', 'a number above 0', lora.alpha)
  if (!(lora.dropout >= 0 && lora.dropout < 1)) throw fail('dropout', 'a number in [0, 1)', lora.dropout)
  if (!Number.isSafeInteger(lora.seed)) throw fail('seed', 'an integer', lora.seed)
  const { targets } = lora
  if (targets.length === 0 || !targets.every((t) => known.includes(t)) || new Set(targets).size !== targets.length) {
    throw fail('targets', `one or more of ${known.join(', ')}, each once`, targets)
  }
}
