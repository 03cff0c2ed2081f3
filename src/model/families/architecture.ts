/** What Covey must know of a model family: how its config.json reads and which tensors its files hold. */
import type { ModelConfig } from '../../types/model.ts'

export interface Architecture {
  /** Hugging Face's class name: `config.json`'s `architectures[0]` */
  readonly name: string
  /** @throws CoveyError E_MODEL_FILE for a broken field, E_MODEL_ARCHITECTURE for a feature that is not supported */
  readConfig(json: Readonly<Record<string, unknown>>): ModelConfig
  /** the inverse: a config.json that Hugging Face's tools read */
  writeConfig(config: ModelConfig, dtype: WeightDtype): Record<string, unknown>
  /** every tensor that the forward pass uses, in the order in which a model's parameters are listed */
  tensorShapes(config: ModelConfig): ReadonlyMap<string, readonly number[]>
  /** true for a tensor that files of this family may hold and that nothing reads */
  ignores(config: ModelConfig, name: string): boolean
}

/** How weights are written; reading takes float16 too. */
export type WeightDtype = 'F32' | 'BF16'
