/** What every engine does whose trainers compute in threads of their own. */
import { expect } from 'chai'
import { createLayout, initialAdapter } from '../../src/adapter/layout.ts'
import { threadsCompute, threadsIdle } from '../../src/engine/threads/client.ts'
import type { InferenceEngine, TrainingEngine } from '../../src/types/engine.ts'
import { adam, livelyModel, randomBatch } from '../support/engine-fixtures.ts'
import { expectRejects } from '../support/expect-error.ts'
import { tinyConfig, tinyLora } from '../support/tiny-config.ts'

export function threadEngineBehavior(makeEngine: () => TrainingEngine & InferenceEngine): void {
  const layout = createLayout(tinyConfig, { ...tinyLora, dropout: 0.2 })
  const open = () =>
    makeEngine().openTrainer({
      model: livelyModel(tinyConfig),
      trainable: { kind: 'lora', layout, factors: ['A', 'B'] },
      optimizer: adam,
      threads: 1,
      seed: 1,
    })

  it('computes beside the event loop and refuses to be read meanwhile', async () => {
    const trainer = await open()
    trainer.setParameters(initialAdapter(layout).values)
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    const running = trainer.step([randomBatch(tinyConfig, 400, 1, 64)], 0.01)
    await expectRejects(() => trainer.parameters(), 'E_ARGUMENT', /step is running/)
    await expectRejects(() => trainer.step([randomBatch(tinyConfig)], 0.01), 'E_ARGUMENT', /step is running/)
    await running
    clearInterval(timer)
    expect(turns).to.be.greaterThan(0)
    await trainer.close()
  })

  it('draws dropout by step, so that a resumed run draws the same', async () => {
    const [a, b] = [await open(), await open()]
    a.setParameters(initialAdapter(layout).values)
    for (let i = 0; i < 2; i++) await a.step([randomBatch(tinyConfig)], 0.05)
    b.setParameters(a.parameters())
    b.restoreOptimizer(a.optimizerState())
    const [x, y] = [await a.step([randomBatch(tinyConfig)], 0.05), await b.step([randomBatch(tinyConfig)], 0.05)]
    expect(y).to.deep.equal(x)
    expect(b.parameters()).to.deep.equal(a.parameters())
    await Promise.all([a.close(), b.close()])
  })

  it('says that it is closed, and closes twice', async () => {
    const trainer = await open()
    await Promise.all([trainer.close(), trainer.close()])
    await expectRejects(() => trainer.step([randomBatch(tinyConfig)], 0.01), 'E_ENGINE', /closed/)
  })

  it('gives a running step up when it is closed, and lets the thread end by itself', async () => {
    const trainer = await open()
    trainer.setParameters(initialAdapter(layout).values)
    const large = Array.from({ length: 64 }, (_, i) => randomBatch(tinyConfig, 60, i, 48))
    const running = trainer.step(large, 0.01)
    const closed = trainer.close()
    await expectRejects(() => running, 'E_ABORTED', /closed while it computed/)
    await closed
    await expectRejects(() => trainer.step([randomBatch(tinyConfig)], 0.01), 'E_ENGINE', /closed/)
    await threadsIdle()
    expect(threadsCompute()).to.equal(false)
  })

  it('refuses an adapter of another model', async () => {
    const other = createLayout({ ...tinyConfig, ffnSize: 24 }, tinyLora)
    const deeper = createLayout({ ...tinyConfig, layers: 3 }, tinyLora)
    const model = livelyModel(tinyConfig)
    for (const wrong of [other, deeper]) {
      await expectRejects(() => makeEngine().openInference({ model, layout: wrong, threads: 1 }), 'E_ADAPTER', /layers/)
    }
  })
}
