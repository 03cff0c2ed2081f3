/** Rotations for the slow reference: angles as transformers' `modeling_rope_utils.py` computes them. */
import type { Settings } from './reference-math.ts'

export interface Turns {
  /** radians a token, one a pair */
  readonly inverse: readonly number[]
  readonly factor: number
}

export function turnsOf(s: Settings, local: boolean): Turns {
  const dim = Math.floor(s.headDim * s.number('partial_rotary_factor', 1))
  const base = local ? s.number('rope_local_base_freq', 10_000) : s.number('rope_theta', 10_000)
  const powers = Array.from({ length: dim / 2 }, (_, i) => base ** ((2 * i) / dim))
  const scaling = local ? null : s.object('rope_scaling')
  if (!scaling) return { inverse: powers.map((p) => 1 / p), factor: 1 }
  const get = (field: string): number => Number(scaling[field])
  switch (scaling.rope_type ?? scaling.type) {
    case 'linear':
      return { inverse: powers.map((p) => 1 / p / get('factor')), factor: 1 }
    case 'llama3': {
      const old = get('original_max_position_embeddings')
      const inverse = powers.map((p) => {
        const wavelength = 2 * Math.PI * p
        if (wavelength < old / get('high_freq_factor')) return 1 / p
        if (wavelength > old / get('low_freq_factor')) return 1 / p / get('factor')
        const smooth = (old / wavelength - get('low_freq_factor')) / (get('high_freq_factor') - get('low_freq_factor'))
        return ((1 - smooth) * (1 / p)) / get('factor') + smooth * (1 / p)
      })
      return { inverse, factor: 1 }
    }
    case 'yarn': {
      const old = get('original_max_position_embeddings')
      const correction = (rotations: number): number =>
        (dim * Math.log(old / (rotations * 2 * Math.PI))) / (2 * Math.log(base))
      const low = Math.max(Math.floor(correction(get('beta_fast'))), 0)
      let high = Math.min(Math.ceil(correction(get('beta_slow'))), dim - 1)
      if (low === high) high += 0.001
      const inverse = powers.map((p, i) => {
        const ramp = Math.min(Math.max((i - low) / (high - low), 0), 1)
        return (1 / (get('factor') * p)) * ramp + (1 / p) * (1 - ramp)
      })
      return { inverse, factor: 0.1 * Math.log(get('factor')) + 1 }
    }
    case 'su':
    case 'longrope': {
      const old = s.number('original_max_position_embeddings')
      const stretch = s.number('max_position_embeddings') / old
      const short = scaling.short_factor as number[]
      return {
        inverse: powers.map((p, i) => 1 / ((short[i] as number) * p)),
        factor: stretch <= 1 ? 1 : Math.sqrt(1 + Math.log(stretch) / Math.log(old)),
      }
    }
    default:
      throw new Error(`no rotation ${String(scaling.rope_type)}`)
  }
}

/** x·cos + rotate_half(x)·sin over the first 2·pairs numbers of one head, at position t. */
export function turnHead(x: readonly number[], t: number, { inverse, factor }: Turns): number[] {
  const half = inverse.length
  return x.map((v, i) => {
    if (i >= 2 * half) return v
    const angle = t * (inverse[i % half] as number)
    const other = i < half ? -(x[i + half] as number) : (x[i - half] as number)
    return factor * (v * Math.cos(angle) + other * Math.sin(angle))
  })
}
