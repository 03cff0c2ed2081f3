/** Rows of numbers, and config.json's fields, for the slow reference. */

export type Matrix = number[][]
/** Values of a weight, row-major, by Hugging Face's name. */
export type Reader = (name: string) => ArrayLike<number>

/** Fields of config.json, as the modelling code asks for them. */
export interface Settings {
  readonly name: string
  readonly headDim: number
  number(field: string, otherwise?: number): number
  optional(field: string): number | null
  text(field: string, otherwise: string): string
  flag(field: string): boolean
  object(field: string): Readonly<Record<string, unknown>> | null
  /** whether layer i has a sliding window */
  slides(layer: number): boolean
}

export function settingsOf(json: Readonly<Record<string, unknown>>): Settings {
  const name = String((json.architectures as string[])[0])
  const number = (field: string, otherwise?: number): number => {
    const value = json[field] ?? otherwise
    if (typeof value !== 'number') throw new Error(`config.json lacks ${field}`)
    return value
  }
  return {
    name,
    headDim: (json.head_dim as number | undefined) ?? Number(json.hidden_size) / Number(json.num_attention_heads),
    number,
    optional: (field) => (typeof json[field] === 'number' ? (json[field] as number) : null),
    text: (field, otherwise) => String(json[field] ?? otherwise),
    flag: (field) => json[field] === true,
    object: (field) => (json[field] ?? null) as Readonly<Record<string, unknown>> | null,
    slides(layer) {
      const kinds = json.layer_types as string[] | undefined
      if (kinds) return kinds[layer] === 'sliding_attention'
      if (typeof json.sliding_window !== 'number') return false
      if (name === 'Gemma3ForCausalLM') return (layer + 1) % number('sliding_window_pattern', 6) !== 0
      if (name.startsWith('Qwen')) return json.use_sliding_window === true && layer >= number('max_window_layers', 28)
      return name === 'MistralForCausalLM' || name === 'Phi3ForCausalLM'
    },
  }
}

export const rows = (table: ArrayLike<number>, width: number, index: readonly number[]): Matrix =>
  index.map((r) => Array.from({ length: width }, (_, i) => table[r * width + i] as number))

export const map = (x: Matrix, f: (v: number) => number): Matrix => x.map((row) => row.map(f))

export const addRows = (a: Matrix, b: Matrix): Matrix =>
  a.map((row, t) => row.map((v, i) => v + ((b[t] as number[])[i] as number)))

export function activate(name: string, x: number): number {
  switch (name) {
    case 'relu':
      return Math.max(x, 0)
    case 'silu':
      return x / (1 + Math.exp(-x))
    case 'gelu':
      return (x / 2) * (1 + erf(x / Math.SQRT2))
    case 'gelu_pytorch_tanh':
      return (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))
    default:
      throw new Error(`no activation ${name}`)
  }
}

/** Its Taylor series: 2/√π·Σ (−1)ⁿ·x^(2n+1)/(n!·(2n+1)). */
function erf(x: number): number {
  if (Math.abs(x) > 5) return Math.sign(x)
  let term = x
  let sum = x
  for (let n = 1; n < 200; n++) {
    term *= -(x * x) / n
    sum += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}

export interface AttentionRule {
  readonly scale: number
  readonly cap: number | null
  /** whether the query at `from` sees the key at `to` */
  readonly sees: (from: number, to: number) => boolean
}

export function softmaxAttention(q: Matrix, k: Matrix, v: Matrix, { scale, cap, sees }: AttentionRule): Matrix {
  return q.map((query, from) => {
    const scores = k.map((key, to) => {
      if (!sees(from, to)) return Number.NEGATIVE_INFINITY
      const score = scale * query.reduce((sum, x, i) => sum + x * (key[i] as number), 0)
      return cap === null ? score : cap * Math.tanh(score / cap)
    })
    const most = Math.max(...scores)
    const weights = scores.map((x) => Math.exp(x - most))
    const total = weights.reduce((sum, w) => sum + w, 0)
    return query.map((_, i) =>
      v.reduce((sum, row, to) => sum + ((weights[to] as number) / total) * (row[i] as number), 0),
    )
  })
}
