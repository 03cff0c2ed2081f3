/** What a pulled model is held against: can Covey train and serve it? */

import { loadTokenizer } from '../src/data/tokenizer.ts'
import type { ModelChecks } from '../src/hub/collect.ts'
import { countParameters, loadModel, readModelConfig } from '../src/model/folder/load.ts'

export const modelChecks: ModelChecks = {
  async texts(dir) {
    await readModelConfig(dir)
    await loadTokenizer(dir)
  },
  async model(dir, signal) {
    const model = await loadModel(dir, signal)
    return { architecture: model.config.architecture, parameters: countParameters(model), digest: model.digest }
  },
}
