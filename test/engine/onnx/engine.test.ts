import { readdir, readFile } from 'node:fs/promises'
import { getPriority } from 'node:os'
import { expect } from 'chai'
import { createLayout } from '../../../src/adapter/layout.ts'
import { createOnnxEngine } from '../../../src/engine/onnx/engine.ts'
import type { EngineSettings } from '../../../src/engine/settings.ts'
import type { Precision, TrainingEngine } from '../../../src/types/engine.ts'
import { adam, livelyModel, randomBatch } from '../../support/engine-fixtures.ts'
import { tinyConfig, tinyLora } from '../../support/tiny-config.ts'
import { inferenceEngineBehavior } from '../inference-engine.behavior.ts'
import { perExampleBehavior } from '../per-example.behavior.ts'
import { threadEngineBehavior } from '../thread-engine.behavior.ts'
import { trainingEngineBehavior } from '../training-engine.behavior.ts'

describe('ONNX engine: training', () => trainingEngineBehavior(createOnnxEngine))
describe('ONNX engine: privacy by example', () => perExampleBehavior(createOnnxEngine))
describe('ONNX engine: inference', () => inferenceEngineBehavior(createOnnxEngine))
describe('ONNX engine: threads', () => threadEngineBehavior(createOnnxEngine))

describe('ONNX engine: settings', () => {
  const layout = createLayout(tinyConfig, tinyLora)
  const open = (settings: EngineSettings) =>
    createOnnxEngine(settings).openTrainer({
      model: livelyModel(tinyConfig),
      trainable: { kind: 'lora', layout, factors: ['A', 'B'] },
      optimizer: adam,
      threads: 2,
      seed: 1,
    })
  /** How nice each thread of this process is: field 19 of its stat line, whose second field may hold blanks in brackets. */
  async function niceness(): Promise<number[]> {
    const tasks = await readdir('/proc/self/task')
    const lines = await Promise.all(tasks.map((t) => readFile(`/proc/self/task/${t}/stat`, 'utf8').catch(() => '')))
    return lines.filter((l) => l !== '').map((l) => Number(l.slice(l.lastIndexOf(')') + 2).split(' ')[16]))
  }

  it('lets only the threads that compute stand back', async function () {
    // the tests themselves may run at a lower priority
    const own = getPriority()
    if (process.platform !== 'linux' || own > 18) this.skip()
    const nice = own + 1
    expect((await niceness()).filter((n) => n === nice)).to.deep.equal([])
    const trainer = await open({ nice })
    await trainer.step([randomBatch(tinyConfig)], 0.01)
    // the thread itself and ONNX Runtime's helper
    expect((await niceness()).filter((n) => n === nice).length).to.be.at.least(2)
    expect(getPriority()).to.equal(own)
    await trainer.close()
  })

  it('asks for the precision where one is to be chosen, with itself and its threads', async () => {
    const asked: [string, number][] = []
    const precision = async ({ name }: TrainingEngine, threads: number): Promise<Precision> => {
      asked.push([name, threads])
      return 'int8'
    }
    const losses: number[] = []
    for (const settings of [{ precision }, { precision: 'int8' }, {}] as const) {
      const trainer = await open(settings)
      losses.push((await trainer.step([randomBatch(tinyConfig)], 0)).loss)
      await trainer.close()
    }
    expect(asked).to.deep.equal([['onnx', 2]])
    expect(losses[0]).to.equal(losses[1]).and.not.equal(losses[2])
  })
})
