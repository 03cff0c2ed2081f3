import { createBigramEngine } from '../support/bigram-engine.ts'
import { distillationBehavior, probabilitiesBehavior } from './distillation.behavior.ts'
import { inferenceEngineBehavior } from './inference-engine.behavior.ts'
import { trainingEngineBehavior } from './training-engine.behavior.ts'

describe('bigram engine: training', () => trainingEngineBehavior(createBigramEngine))
describe('bigram engine: inference', () => inferenceEngineBehavior(createBigramEngine))
describe('bigram engine: distillation', () => {
  distillationBehavior(createBigramEngine)
  probabilitiesBehavior(createBigramEngine)
})
