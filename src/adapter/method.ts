/** What every method of training a part of a model has to say here: where its numbers lie, how they begin, what they become. */
import type { AdapterLayout, LayoutOf, MethodName, SettingsOf } from '../types/adapter.ts'
import type { BaseModel, ModelConfig } from '../types/model.ts'

/** A model's config and the names and shapes of its tensors: what a layout is made of. */
export type ModelShapes = Pick<BaseModel, 'config' | 'tensorNames' | 'shape'>

/** What becomes of tensors of the base, by their names; the others stay. Each function leaves its argument alone. */
export type MergedTensors = ReadonlyMap<string, (weights: Float32Array) => Float32Array>

export interface Method<M extends MethodName> {
  /** @throws CoveyError E_ADAPTER naming the setting */
  layout(model: ModelShapes, settings: SettingsOf<M>): LayoutOf<M>
  /** (layout.size) before the first step */
  untrained(model: BaseModel, layout: LayoutOf<M>): Float32Array
  /** left out where no weights of the base's shape stand for it. @throws CoveyError E_ADAPTER when it does not fit the base */
  merged?(base: BaseModel, layout: LayoutOf<M>, values: Float32Array): MergedTensors
  /** How Hugging Face's PEFT writes it down in adapter_config.json; left out where PEFT has no such method. */
  readonly peft?: {
    readonly type: string
    /** the fields beside those that every method has */
    write(layout: LayoutOf<M>, model: ModelConfig): Readonly<Record<string, unknown>>
    /** null when the file is of another method of the same type. @throws ZodError | CoveyError E_ADAPTER */
    read(json: unknown, model: ModelConfig): SettingsOf<M> | null
  }
}

/** Some method, found by the name in a layout or in settings and only ever given those. */
export type AnyMethod = { [K in keyof Method<MethodName>]: Method<MethodName>[K] }

/** Tokens that a method puts before every text: they take room of the context. */
export function virtualTokens(layout: AdapterLayout | null): number {
  return layout !== null && 'virtual' in layout ? layout.virtual.tokens : 0
}
