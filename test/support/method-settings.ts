/** Settings of every method for small models, and adapters whose every number has moved. */
import { linearNames } from '../../src/adapter/layout.ts'
import { ia3Defaults } from '../../src/adapter/methods/ia3.ts'
import { methodLayout, untrainedAdapter } from '../../src/adapter/methods.ts'
import type { Adapter, MethodSettings } from '../../src/types/adapter.ts'
import type { BaseModel, ModelConfig } from '../../src/types/model.ts'
import { randomVector } from './engine-fixtures.ts'
import { tinyLora } from './tiny-config.ts'

/** By a name for people. */
export function methodSettings(config: ModelConfig): Record<string, MethodSettings> {
  const lora = { ...tinyLora, targets: linearNames(config) }
  const virtual = { tokens: 6, seed: 1 }
  return {
    LoRA: { method: 'lora', lora },
    rsLoRA: { method: 'lora', lora: { ...lora, rsLora: true } },
    DoRA: { method: 'dora', lora },
    '(IA)³': { method: 'ia3', ia3: ia3Defaults(config) },
    'bottleneck, Houlsby': {
      method: 'bottleneck',
      bottleneck: { placement: 'houlsby', width: 5, activation: 'silu', seed: 1 },
    },
    'bottleneck, Pfeiffer': {
      method: 'bottleneck',
      bottleneck: { placement: 'pfeiffer', width: 5, activation: 'gelu', seed: 1 },
    },
    prefix: { method: 'prefix', virtual },
    prompt: { method: 'prompt', virtual },
    'selected layers': {
      method: 'selective',
      selective: { modules: ['q_proj', 'down_proj', 'post_attention_layernorm'], layers: [1] },
    },
    'selected modules': { method: 'selective', selective: { modules: ['embed_tokens', 'norm'], layers: [] } },
    full: { method: 'full' },
  }
}

/** An untrained adapter with every number moved by up to `by`. */
export function movedAdapter(model: BaseModel, settings: MethodSettings, by = 0.3): Adapter {
  const { layout, values } = untrainedAdapter(model, methodLayout(model, settings))
  const random = randomVector(layout.size, by)
  return { layout, values: values.map((x, i) => x + (random[i] as number)) }
}
