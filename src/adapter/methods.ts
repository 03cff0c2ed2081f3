/** Every method by its name, and what can be done with an adapter of any of them. */
import { CoveyError } from '../base/errors.ts'
import type { Adapter, AdapterLayout, MethodName, MethodSettings } from '../types/adapter.ts'
import type { BaseModel } from '../types/model.ts'
import type { AnyMethod, MergedTensors, Method, ModelShapes } from './method.ts'
import { bottleneck } from './methods/bottleneck.ts'
import { dora } from './methods/dora.ts'
import { ia3 } from './methods/ia3.ts'
import { lora } from './methods/lora.ts'
import { prefix } from './methods/prefix.ts'
import { prompt } from './methods/prompt.ts'
import { full, selective } from './methods/selective.ts'

/** A method is known when it is listed here, and its graph in engine/network/methods.ts. */
const METHODS: { readonly [M in MethodName]: Method<M> } = {
  lora,
  dora,
  ia3,
  bottleneck,
  prefix,
  prompt,
  selective,
  full,
}

export const METHOD_NAMES = Object.keys(METHODS) as readonly MethodName[]

/** @throws CoveyError E_ADAPTER for a name that no method has */
export function methodOf(name: MethodName): AnyMethod {
  if (Object.hasOwn(METHODS, name)) return METHODS[name]
  throw new CoveyError('E_ADAPTER', `method: expected one of ${METHOD_NAMES.join(', ')}, got ${JSON.stringify(name)}`)
}

/** Where the tensors of a method lie, for this model. @throws CoveyError E_ADAPTER naming the setting */
export function methodLayout(model: ModelShapes, settings: MethodSettings): AdapterLayout {
  return methodOf(settings.method).layout(model, settings) as AdapterLayout
}

/** An adapter before its first step. Of every method but `prefix` and `prompt` it changes nothing. @throws CoveyError E_ADAPTER */
export function untrainedAdapter(model: BaseModel, layout: AdapterLayout): Adapter {
  return { layout, values: methodOf(layout.method).untrained(model, layout) }
}

/** What an adapter makes of the base's tensors. @throws CoveyError E_ADAPTER where that is not possible, or it does not fit */
export function mergedTensors(base: BaseModel, { layout, values }: Adapter): MergedTensors {
  const method = methodOf(layout.method)
  if (method.merged) return method.merged(base, layout, values)
  const message = `a ${layout.method} adapter cannot be merged: no weights of the base's shape compute the same; keep it beside the base (covey serve --adapter, covey eval --adapter)`
  throw new CoveyError('E_ADAPTER', message, { method: layout.method })
}
