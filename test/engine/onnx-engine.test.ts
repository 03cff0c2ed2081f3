import { createOnnxEngine } from '../../src/engine/onnx-engine.ts'
import { inferenceEngineBehavior } from './inference-engine.behavior.ts'
import { threadEngineBehavior } from './thread-engine.behavior.ts'
import { trainingEngineBehavior } from './training-engine.behavior.ts'

describe('ONNX engine: training', () => trainingEngineBehavior(createOnnxEngine))
describe('ONNX engine: inference', () => inferenceEngineBehavior(createOnnxEngine))
describe('ONNX engine: threads', () => threadEngineBehavior(createOnnxEngine))
