/**
 * `quantization_config` of config.json as compressed-tensors writes it: which schemes a folder's weights are in.
 * https://github.com/vllm-project/compressed-tensors: README.md, quantization/quant_config.py, quantization/quant_args.py
 */
import { z } from 'zod'
import { CoveyError } from '../../base/errors.ts'
import { configError, type Json, parseFields } from '../families/fields.ts'
import type { Bits } from './codes.ts'

/** One way in which linear layers are stored. A layer's tensors say which of a folder's schemes is its own. */
export interface WeightScheme {
  readonly bits: Bits
  /** several codes in an int32 (`weight_packed`), or one in an int8 (`weight`) */
  readonly packed: boolean
  /** inputs that share a scale; `output` = all of one output; `matrix` = all there are */
  readonly group: number | 'output' | 'matrix'
}

const METHOD = 'compressed-tensors'
const STATUS = 'compressed'
const PACKED = 'pack-quantized'
const INT8 = 'int-quantized'
/** A folder's layers may differ; more schemes than this are no real model's. */
const MAX_SCHEMES = 64
const MAX_GROUP = 65_536

/** Inputs that share a scale in what Covey writes in 4 bits; the engine's own block. */
export const GROUP_4 = 32

const weights = z.object({
  num_bits: z.int(),
  type: z.string().default('int'),
  symmetric: z.boolean().default(true),
  strategy: z.string().nullish(),
  group_size: z.int().min(-1).max(MAX_GROUP).nullish(),
  dynamic: z.unknown().optional(),
  actorder: z.unknown().optional(),
})

const fields = z.object({
  format: z.string().default('dense'),
  quantization_status: z.string().default('compressed'),
  config_groups: z.record(
    z.string(),
    z.object({
      format: z.string().nullish(),
      weights: weights.nullish(),
      input_activations: z.object({ dynamic: z.unknown().optional() }).nullish(),
      output_activations: z.unknown().optional(),
    }),
  ),
  kv_cache_scheme: z.unknown().optional(),
  sparsity_config: z.object({ format: z.string().nullish() }).nullish(),
  transform_config: z.record(z.string(), z.unknown()).nullish(),
})

/**
 * @returns the schemes of a folder's quantized layers, null for an ordinary folder. What the file says about rounding
 * activations while a model runs is left aside: Covey reads weights.
 * @throws CoveyError E_MODEL_FILE | E_MODEL_ARCHITECTURE for another method or scheme
 */
export function readQuantization(json: Json): readonly WeightScheme[] | null {
  const given = json.quantization_config ?? null
  if (given === null) return null
  const { quant_method: method } = parseFields(z.object({ quant_method: z.string() }), asObject(given))
  if (method !== METHOD) throw unreadable(`quant_method is ${JSON.stringify(method)}, expected ${METHOD}`)
  const config = parseFields(fields, asObject(given))
  const { sparsity_config: sparse, transform_config: turned } = config
  if (config.quantization_status !== STATUS) {
    throw unreadable(`quantization_status is ${config.quantization_status}, expected ${STATUS}`)
  }
  if (config.kv_cache_scheme != null) throw unreadable('kv_cache_scheme is set')
  if (sparse?.format != null && sparse.format !== 'dense') throw unreadable(`sparsity_config is ${sparse.format}`)
  if (turned != null && Object.keys(turned).length > 0) throw unreadable('transform_config is set')
  const groups = Object.entries(config.config_groups)
  if (groups.length === 0 || groups.length > MAX_SCHEMES) {
    throw configError(`quantization_config.config_groups: expected 1 to ${MAX_SCHEMES} groups, got ${groups.length}`)
  }
  return groups.map(([name, group]) => {
    if (group.input_activations != null && group.input_activations.dynamic !== true) {
      throw unreadable(`${name} has fixed scales for activations`)
    }
    if (group.output_activations != null) throw unreadable(`${name} rounds what layers give`)
    if (group.weights == null) throw unreadable(`${name} has no weights`)
    return schemeOf(name, group.weights, group.format ?? config.format)
  })
}

function schemeOf(name: string, args: z.infer<typeof weights>, format: string): WeightScheme {
  const refuse = (what: string): CoveyError => unreadable(`${name}: ${what}`)
  const { num_bits: bits, type, symmetric, dynamic, actorder } = args
  if (format !== PACKED && format !== INT8) throw refuse(`format is ${format}, expected ${PACKED} or ${INT8}`)
  if (type !== 'int') throw refuse(`weights are of type ${type}, expected int`)
  if (!symmetric) throw refuse('weights are not symmetric')
  if (dynamic != null && dynamic !== false) throw refuse('weights are dynamic')
  // the other orders come with an index of each input's group
  if (actorder != null && actorder !== false && actorder !== 'weight' && actorder !== 'static') {
    throw refuse(`actorder is ${JSON.stringify(actorder)}`)
  }
  if (bits !== 8 && !(bits === 4 && format === PACKED)) {
    throw refuse(`weights have ${bits} bits in ${format}, expected 8${format === PACKED ? ' or 4' : ''}`)
  }
  return { bits, packed: format === PACKED, group: groupOf(args, refuse) }
}

/** As quant_args.py infers a strategy that is not named. */
function groupOf(args: z.infer<typeof weights>, refuse: (what: string) => CoveyError): WeightScheme['group'] {
  const { strategy, group_size: size } = args
  const inferred = size == null ? 'tensor' : size === -1 ? 'channel' : 'group'
  switch (strategy ?? inferred) {
    case 'tensor':
      return 'matrix'
    case 'channel':
      return 'output'
    case 'group':
      if (size != null && size > 0) return size
      throw refuse(`strategy is group, group_size is ${size ?? 'not given'}`)
    default:
      throw refuse(`strategy is ${strategy}, expected tensor, channel or group`)
  }
}

/**
 * What goes into config.json of a folder that Covey quantizes. `pack-quantized` for 8 bits as well: of the formats with 8-bit
 * weights it is the one that vLLM runs without rounding activations too (its `_is_wNa16_group_channel`).
 * @param ignore modules of linear layers that stay as they were
 */
export function writeQuantization(bits: Bits, ignore: readonly string[]): Record<string, unknown> {
  return {
    quant_method: METHOD,
    format: PACKED,
    quantization_status: STATUS,
    config_groups: {
      group_0: {
        targets: ['Linear'],
        weights: {
          num_bits: bits,
          type: 'int',
          symmetric: true,
          strategy: bits === 4 ? 'group' : 'channel',
          group_size: bits === 4 ? GROUP_4 : null,
          block_structure: null,
          dynamic: false,
          actorder: null,
          observer: 'minmax',
          observer_kwargs: {},
        },
        input_activations: null,
        output_activations: null,
      },
    },
    ignore,
    kv_cache_scheme: null,
    global_compression_ratio: null,
  }
}

function asObject(value: unknown): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json
  throw configError('quantization_config: expected an object')
}

function unreadable(what: string): CoveyError {
  const message = `config.json: quantization_config: ${what}; Covey reads ${METHOD} with symmetric whole numbers of 8 or 4 bits. Take the model that was quantized, and \`covey model quantize\` it`
  return new CoveyError('E_MODEL_ARCHITECTURE', message)
}
