/**
 * Where the factors of a LoRA adapter lie in one flat vector, and the adapter that every task starts from.
 * LoRA: Hu et al. 2021, arXiv:2106.09685. rsLoRA: Kalajdzievski 2023, arXiv:2312.03732. Names and orientation are PEFT's.
 */
import { CoveyError } from '../base/errors.ts'
import { seededRandom } from '../base/random.ts'
import type { Adapter, AdapterEntry, LoraConfig, LoraEntry, LoraFactor, LoraLayout } from '../types/adapter.ts'
import { type LinearLayer, LLAMA_LINEARS, type ModelConfig, type Width } from '../types/model.ts'

/** Beyond this an adapter of a small model is no smaller than the model. */
const MAX_RANK = 1024
/** 1 GiB of float32: the flat vector, its two moments and the deltas of a round must fit in memory. */
const MAX_VALUES = 2 ** 28

/** The linear layers of a model by their last name, in the layout's order: what `targets` may name. */
export function linearNames(config: ModelConfig): string[] {
  return linearsOf(config).map(linearName)
}

export const linearsOf = (config: ModelConfig): readonly LinearLayer[] => config.linears ?? LLAMA_LINEARS
export const linearName = ({ module }: LinearLayer): string => module.slice(module.lastIndexOf('.') + 1)

/** One linear layer of one block. */
export interface PlacedLinear {
  readonly module: string
  readonly name: string
  readonly inputs: number
  readonly outputs: number
}

/** Layers ascending, in each the linear layers in the model's order, then those that stand behind all layers. */
export function linearsNamed(config: ModelConfig, targets: readonly string[]): PlacedLinear[] {
  const wanted = linearsOf(config).filter((l) => targets.includes(linearName(l)))
  const placed = (layer: LinearLayer, module: string): PlacedLinear => ({
    module,
    name: linearName(layer),
    inputs: widthOf(config, layer.inputs),
    outputs: widthOf(config, layer.outputs),
  })
  const inLayers = wanted.filter((l) => l.module.includes('*'))
  const behind = wanted.filter((l) => !l.module.includes('*'))
  return [
    ...Array.from({ length: config.layers }, (_, i) =>
      inLayers.map((l) => placed(l, l.module.replace('*', String(i)))),
    ).flat(),
    ...behind.map((l) => placed(l, l.module)),
  ]
}

/** Tensors one behind the other in a flat vector. @throws CoveyError E_ADAPTER when they are too many */
export function laid<T extends Omit<AdapterEntry, 'offset'>>(
  parts: readonly T[],
): { entries: (T & { readonly offset: number })[]; size: number } {
  let size = 0
  const entries = parts.map((part) => {
    const entry = { ...part, offset: size }
    size += sizeOf(part)
    return entry
  })
  if (size <= MAX_VALUES) return { entries, size }
  throw new CoveyError(
    'E_ADAPTER',
    `the adapter would have ${size} values, at most ${MAX_VALUES} are allowed; lower the rank or name fewer targets`,
    { size },
  )
}

/** How many numbers a tensor has. */
export const sizeOf = ({ shape }: Pick<AdapterEntry, 'shape'>): number => shape.reduce((n, d) => n * d, 1)

/** A before B for each linear layer, in the order of `linearsNamed`. @throws CoveyError E_ADAPTER */
export function createLayout(config: ModelConfig, lora: LoraConfig): LoraLayout {
  checkLora(lora, linearNames(config))
  return { method: 'lora', lora, ...laid(linearsNamed(config, lora.targets).flatMap((l) => factorsOf(l, lora.rank))) }
}

/** A (rank, in) and B (out, rank) of one linear layer. */
export function factorsOf({ module, inputs, outputs }: PlacedLinear, rank: number): Omit<LoraEntry, 'offset'>[] {
  const factor = (factor: LoraFactor, shape: readonly [number, number]): Omit<LoraEntry, 'offset'> => ({
    name: `${PEFT_PREFIX}${module}.lora_${factor}.weight`,
    module,
    factor,
    shape,
  })
  return [factor('A', [rank, inputs]), factor('B', [outputs, rank])]
}

/** What PEFT puts before the name of a module of the base. */
export const PEFT_PREFIX = 'base_model.model.'

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

/**
 * The adapter before round 1: B = 0, so it changes nothing; A uniform in ±1/√in, which is PEFT's default
 * (`kaiming_uniform_(a=√5)`). Each A has its own stream, named by seed and tensor, so that adding a target does not move
 * the others. Integer and IEEE operations only: every peer draws the same bits.
 *
 * With frozen A the rows span the only directions that a task can ever learn. Uniform rows of length `in` much above
 * the rank are nearly orthogonal already (cosines about 1/√in). Orthonormal rows would need a decomposition in the one
 * place that every peer must agree on first; whether they learn better has not been measured.
 */
export function initialAdapter(layout: LoraLayout): Adapter<LoraLayout> {
  const values = new Float32Array(layout.size)
  for (const entry of layout.entries) if (entry.factor === 'A') drawUniform(values, entry, layout.lora.seed)
  return { layout, values }
}

/** Fills a matrix (out, in) with numbers in ±1/√in, from a stream that seed and name determine. */
export function drawUniform(values: Float32Array, entry: AdapterEntry, seed: number): void {
  const random = seededRandom(`covey/adapter/1/${seed}/${entry.name}`)
  const bound = 1 / Math.sqrt(entry.shape.at(-1) as number)
  const out = entryValues(values, entry)
  for (let i = 0; i < out.length; i++) out[i] = (2 * random.next() - 1) * bound
}

/** The entry's part of a flat vector; shares its memory. */
export function entryValues(values: Float32Array, entry: AdapterEntry): Float32Array {
  return values.subarray(entry.offset, entry.offset + sizeOf(entry))
}

/** @throws CoveyError E_ADAPTER naming the field */
export function checkLora(lora: LoraConfig, known: readonly string[]): void {
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
