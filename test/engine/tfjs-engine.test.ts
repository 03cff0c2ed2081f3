import { createTfjsEngine } from '../../src/engine/tfjs/engine.ts'
import { inferenceEngineBehavior } from './inference-engine.behavior.ts'
import { trainingEngineBehavior } from './training-engine.behavior.ts'

describe('TensorFlow.js engine: training', () => trainingEngineBehavior(createTfjsEngine))
describe('TensorFlow.js engine: inference', () => inferenceEngineBehavior(createTfjsEngine))
