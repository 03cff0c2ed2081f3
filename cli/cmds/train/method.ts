/** The methods by the names that people give them, and what of the command's options each is told. */
import { linearNames } from '../../../src/adapter/layout.ts'
import { ia3Defaults } from '../../../src/adapter/methods/ia3.ts'
import type { LoraConfig, LoraFactor, MethodSettings } from '../../../src/types/adapter.ts'
import type { Precision } from '../../../src/types/engine.ts'
import type { ModelConfig } from '../../../src/types/model.ts'

export interface MethodOptions {
  readonly rank: number
  readonly alpha: number
  readonly rsLora: boolean
  readonly dropout: number
  /** empty: the method's own choice */
  readonly target: readonly string[]
  readonly frozenA: boolean
  readonly width: number
  readonly virtualTokens: number
  readonly module: readonly string[]
  readonly layer: readonly number[]
  readonly seed: number
}

export interface ChosenMethod {
  readonly settings: MethodSettings
  /** those of LoRA that are trained */
  readonly factors: readonly LoraFactor[]
  /** of the frozen weights, where the method says it */
  readonly precision?: Precision
}

interface NamedMethod {
  readonly about: string
  /** peak of AdamW's, measured on the shipped base by `npm run bench:methods` */
  readonly learningRate: number
  choose(options: MethodOptions, model: ModelConfig): ChosenMethod
}

const BOTH: readonly LoraFactor[] = ['A', 'B']

const loraOf = (o: MethodOptions, model: ModelConfig): LoraConfig => ({
  rank: o.rank,
  alpha: o.alpha,
  rsLora: o.rsLora,
  dropout: o.dropout,
  targets: o.target.length > 0 ? o.target : linearNames(model),
  seed: o.seed,
})

const lora = (o: MethodOptions, model: ModelConfig): ChosenMethod => ({
  settings: { method: 'lora', lora: loraOf(o, model) },
  factors: o.frozenA ? ['B'] : BOTH,
})

const all = (settings: MethodSettings): ChosenMethod => ({ settings, factors: BOTH })

const bottleneck =
  (placement: 'houlsby' | 'pfeiffer', activation: 'silu' | 'relu') =>
  ({ width, seed }: MethodOptions): ChosenMethod =>
    all({ method: 'bottleneck', bottleneck: { placement, width, activation, seed } })

const virtual =
  (method: 'prefix' | 'prompt') =>
  ({ virtualTokens: tokens, seed }: MethodOptions): ChosenMethod =>
    all({ method, virtual: { tokens, seed } })

export const METHODS = {
  lora: { about: 'low-rank factors', learningRate: 5e-3, choose: lora },
  rslora: {
    about: 'LoRA scaled by alpha/√rank',
    learningRate: 1e-3,
    choose: (o, model) => lora({ ...o, rsLora: true }, model),
  },
  'lora-fa': {
    about: 'LoRA with A frozen',
    learningRate: 1e-2,
    choose: (o, model) => lora({ ...o, frozenA: true }, model),
  },
  qlora: {
    about: 'LoRA over weights in 4 bits',
    learningRate: 5e-3,
    choose: (o, model) => ({ ...lora(o, model), precision: 'int4' }),
  },
  dora: {
    about: 'LoRA with the length of each row apart',
    learningRate: 5e-3,
    choose: (o, model) => all({ method: 'dora', lora: loraOf(o, model) }),
  },
  ia3: {
    about: '(IA)³: vectors that multiply',
    learningRate: 0.15,
    choose(o, model) {
      const { targets, feedforward } = ia3Defaults(model)
      if (o.target.length === 0) return all({ method: 'ia3', ia3: { targets, feedforward } })
      const own = { targets: o.target, feedforward: feedforward.filter((t) => o.target.includes(t)) }
      return all({ method: 'ia3', ia3: own })
    },
  },
  houlsby: {
    about: 'bottleneck adapters behind attention and feed-forward',
    learningRate: 5e-3,
    choose: bottleneck('houlsby', 'silu'),
  },
  pfeiffer: {
    about: 'bottleneck adapters behind the feed-forward',
    learningRate: 5e-3,
    choose: bottleneck('pfeiffer', 'relu'),
  },
  prefix: { about: 'keys and values before every text', learningRate: 0.2, choose: virtual('prefix') },
  prompt: { about: 'embeddings before every text', learningRate: 0.3, choose: virtual('prompt') },
  selective: {
    about: 'some of the weights',
    learningRate: 4e-3,
    choose: ({ module, layer }) => all({ method: 'selective', selective: { modules: module, layers: layer } }),
  },
  full: { about: 'every weight', learningRate: 2e-3, choose: () => all({ method: 'full' }) },
} as const satisfies Readonly<Record<string, NamedMethod>>

export type MethodOption = keyof typeof METHODS
export const METHOD_OPTIONS = Object.keys(METHODS) as [MethodOption, ...MethodOption[]]

export function methodNamed(name: MethodOption): NamedMethod {
  return METHODS[name]
}
