import { expect } from 'chai'
import { Cancel } from '../../../src/engine/loop/cancel.ts'
import { type GradientSource, LocalTrainer } from '../../../src/engine/loop/trainer.ts'
import { adam, randomBatch, randomVector } from '../../support/engine-fixtures.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { tinyConfig } from '../../support/tiny-config.ts'

describe('cancelling between threads', () => {
  it('is seen by everyone who holds the word', async () => {
    const cancel = new Cancel()
    const there = new Cancel(cancel.word)
    there.check()
    expect(cancel.cancel()).to.equal(true)
    expect(cancel.cancel(), 'twice is once').to.equal(true)
    await expectRejects(() => there.check(), 'E_ABORTED')
    await expectRejects(() => there.commit(), 'E_ABORTED')
  })

  it('comes too late for what is committed', () => {
    const cancel = new Cancel()
    const there = new Cancel(cancel.word)
    there.commit()
    expect(cancel.cancel()).to.equal(false)
    there.check()
  })
})

describe('a step that is cancelled', () => {
  const size = 12
  /** A gradient of ones; `seen` is told of each part. */
  const trainerWith = (seen: (part: number) => void) => {
    let parts = 0
    const source: GradientSource = {
      async accumulate(_call, gradient) {
        seen(parts++)
        gradient.fill(1)
        return 1
      },
      close: async () => {},
    }
    const memory = {
      theta: randomVector(size, 1),
      m: randomVector(size, 1, 2),
      v: new Float32Array(size).fill(1),
      anchor: null,
    }
    const spans = [{ offset: 0, size, decays: true }]
    return {
      trainer: new LocalTrainer(source, spans, { config: tinyConfig, optimizer: adam, seed: 1 }, memory),
      memory,
    }
  }
  const batches = [1, 2, 3, 4].map((seed) => randomBatch(tinyConfig, 5, seed))

  it('ends before its next part, parameters, moments and count as they were', async () => {
    const cancel = new Cancel()
    const seen: number[] = []
    const { trainer, memory } = trainerWith((part) => {
      seen.push(part)
      if (part === 1) cancel.cancel()
    })
    const before = structuredClone(memory)
    await expectRejects(() => trainer.step(batches, 0.1, cancel), 'E_ABORTED')
    expect(seen).to.deep.equal([0, 1])
    expect(memory).to.deep.equal(before)
    expect(trainer.updates).to.equal(0)
  })

  it('does not update when the word comes with its last part', async () => {
    const cancel = new Cancel()
    const { trainer, memory } = trainerWith((part) => {
      if (part === batches.length - 1) cancel.cancel()
    })
    const before = structuredClone(memory)
    await expectRejects(() => trainer.step(batches, 0.1, cancel), 'E_ABORTED')
    expect(memory).to.deep.equal(before)
    await trainer.step(batches, 0.1)
    expect(memory).to.not.deep.equal(before)
    expect(trainer.updates).to.equal(1)
  })
})
