/**
 * Rotary positions in config.json: `rope_theta`, `rope_scaling`, `partial_rotary_factor`, or all of them inside
 * `rope_parameters` as transformers 5 writes them. Kinds and defaults as in transformers' `modeling_rope_utils.py`.
 */
import { z } from 'zod'
import type { ModelConfig, RopeFeatures, RopeScaling } from '../../types/model.ts'
import { configError, type Json, parseFields, positionCount, unsupported } from './fields.ts'

/** transformers' own default */
const DEFAULT_THETA = 10_000
/** More pairs than a head of the widest model has. */
const MAX_PAIRS = 4096

const theta = z.number().gt(0).max(1e12)
const stretch = z.number().gt(0).max(1e6)
const perPair = z.array(z.number().gt(0).max(1e6)).min(1).max(MAX_PAIRS)

const scalingFields = z.looseObject({
  rope_type: z.string().nullish(),
  // older configs
  type: z.string().nullish(),
  rope_theta: theta.nullish(),
  partial_rotary_factor: z.number().gt(0).max(1).nullish(),
  factor: stretch.nullish(),
  low_freq_factor: stretch.nullish(),
  high_freq_factor: stretch.nullish(),
  original_max_position_embeddings: positionCount.nullish(),
  attention_factor: stretch.nullish(),
  beta_fast: stretch.nullish(),
  beta_slow: stretch.nullish(),
  mscale: stretch.nullish(),
  mscale_all_dim: stretch.nullish(),
  short_factor: perPair.nullish(),
  long_factor: perPair.nullish(),
})
type ScalingFields = z.infer<typeof scalingFields>

const ropeFields = z.object({
  rope_theta: theta.nullish(),
  rope_scaling: scalingFields.nullish(),
  rope_parameters: scalingFields.nullish(),
  partial_rotary_factor: z.number().gt(0).max(1).nullish(),
  original_max_position_embeddings: positionCount.nullish(),
})

type Rope = Pick<ModelConfig, 'ropeTheta' | 'maxPositions' | 'rope'>

/** @throws CoveyError E_MODEL_FILE | E_MODEL_ARCHITECTURE (a kind of scaling that the graph does not have) */
export function readRope(json: Json, headDim: number, maxPositions: number): Rope {
  const c = parseFields(ropeFields, json)
  const given = c.rope_scaling ?? c.rope_parameters ?? {}
  const dim = Math.floor(headDim * (c.rope_parameters?.partial_rotary_factor ?? c.partial_rotary_factor ?? 1))
  if (dim % 2 !== 0 || dim === 0) {
    throw configError(`the head dimension must be even for rotary positions, got ${dim}`)
  }
  const original = given.original_max_position_embeddings ?? c.original_max_position_embeddings ?? null
  const scaling = readScaling(given, original, maxPositions, dim)
  const rope: RopeFeatures = { ...(dim === headDim ? {} : { dim }), ...(scaling ? { scaling } : {}) }
  return {
    ropeTheta: c.rope_parameters?.rope_theta ?? c.rope_theta ?? DEFAULT_THETA,
    maxPositions: scaling?.kind === 'longrope' ? Math.min(maxPositions, scaling.originalPositions) : maxPositions,
    ...(dim === headDim && !scaling ? {} : { rope }),
  }
}

function readScaling(
  c: ScalingFields,
  original: number | null,
  maxPositions: number,
  dim: number,
): RopeScaling | undefined {
  const kind = c.rope_type ?? c.type ?? 'default'
  const need = <K extends keyof ScalingFields>(field: K): NonNullable<ScalingFields[K]> => {
    const value = c[field]
    if (value === null || value === undefined)
      throw configError(`rope_scaling.${String(field)}: expected with rope_type ${kind}`)
    return value as NonNullable<ScalingFields[K]>
  }
  switch (kind) {
    case 'default':
      return undefined
    case 'linear':
      return { kind, factor: need('factor') }
    case 'llama3':
      return {
        kind,
        factor: need('factor'),
        lowFrequencyFactor: need('low_freq_factor'),
        highFrequencyFactor: need('high_freq_factor'),
        originalPositions: need('original_max_position_embeddings'),
      }
    case 'yarn': {
      if (c.mscale != null || c.mscale_all_dim != null) throw unsupported('rope_scaling.mscale is set')
      const factor = need('factor')
      return {
        kind,
        factor,
        originalPositions: original ?? maxPositions,
        betaFast: c.beta_fast ?? 32,
        betaSlow: c.beta_slow ?? 1,
        // Peng et al. 2023 (arXiv:2309.00071), section 3.4
        magnitude: c.attention_factor ?? (factor > 1 ? 0.1 * Math.log(factor) + 1 : 1),
      }
    }
    case 'longrope':
      return readLongRope(need('short_factor'), need('long_factor'), c, original ?? maxPositions, maxPositions, dim)
    default:
      throw unsupported(`the kind of rope_scaling is ${kind}, not one of linear, llama3, yarn, longrope`)
  }
}

/** Ding et al. 2024 (arXiv:2402.13753). */
function readLongRope(
  shortFactors: readonly number[],
  longFactors: readonly number[],
  c: ScalingFields,
  originalPositions: number,
  longPositions: number,
  dim: number,
): RopeScaling {
  for (const [field, list] of [
    ['short_factor', shortFactors],
    ['long_factor', longFactors],
  ] as const) {
    if (list.length !== dim / 2) {
      throw configError(`rope_scaling.${field}: expected ${dim / 2} numbers, got ${list.length}`)
    }
  }
  return {
    kind: 'longrope',
    shortFactors,
    longFactors,
    originalPositions,
    longPositions,
    magnitude: c.attention_factor ?? longMagnitude(originalPositions, longPositions),
  }
}

function longMagnitude(originalPositions: number, longPositions: number): number {
  const ratio = longPositions / originalPositions
  return ratio <= 1 ? 1 : Math.sqrt(1 + Math.log(ratio) / Math.log(originalPositions))
}

/** The inverse of `readRope`, in the fields that transformers 4 and 5 both read. */
export function writeRope(c: ModelConfig): Record<string, unknown> {
  const { dim, scaling } = c.rope ?? {}
  return {
    rope_theta: c.ropeTheta,
    max_position_embeddings: scaling?.kind === 'longrope' ? scaling.longPositions : c.maxPositions,
    ...(dim === undefined ? {} : { partial_rotary_factor: dim / c.headDim }),
    ...(scaling ? { rope_scaling: writeScaling(scaling) } : {}),
    ...(scaling?.kind === 'longrope' ? { original_max_position_embeddings: scaling.originalPositions } : {}),
  }
}

function writeScaling(s: RopeScaling): Record<string, unknown> {
  switch (s.kind) {
    case 'linear':
      return { rope_type: s.kind, factor: s.factor }
    case 'llama3':
      return {
        rope_type: s.kind,
        factor: s.factor,
        low_freq_factor: s.lowFrequencyFactor,
        high_freq_factor: s.highFrequencyFactor,
        original_max_position_embeddings: s.originalPositions,
      }
    case 'yarn':
      return {
        rope_type: s.kind,
        factor: s.factor,
        original_max_position_embeddings: s.originalPositions,
        beta_fast: s.betaFast,
        beta_slow: s.betaSlow,
        attention_factor: s.magnitude,
      }
    case 'longrope':
      // transformers' Phi3Config took exactly these three fields for years
      return {
        type: s.kind,
        short_factor: s.shortFactors,
        long_factor: s.longFactors,
        ...(s.magnitude === longMagnitude(s.originalPositions, s.longPositions)
          ? {}
          : { attention_factor: s.magnitude }),
      }
  }
}
