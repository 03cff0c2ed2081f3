import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { threadsCompute, threadsIdle, WorkerClient } from '../../../src/engine/threads/client.ts'
import type { BlockingSetup } from '../../support/blocking-runtime.ts'
import { expectRejects } from '../../support/expect-error.ts'

const OPENER = new URL('../../support/blocking-runtime.ts', import.meta.url)

describe('a thread that blocks', () => {
  const open = async () => {
    const words = new Int32Array(new SharedArrayBuffer(12))
    const setup: BlockingSetup = { kind: 'train', nice: 0, words }
    const client = await WorkerClient.start(OPENER, setup, [])
    const release = (): void => {
      Atomics.store(words, 1, 1)
      Atomics.notify(words, 1)
    }
    return { client, words, release }
  }
  const begun = async (words: Int32Array, calls: number): Promise<void> => {
    while (Atomics.load(words, 0) < calls) await setTimeout(5)
  }

  it('gives a call up while it runs, drops those that wait behind it, and answers the next', async () => {
    const { client, words, release } = await open()
    const abort = new AbortController()
    const running = client.call('step', [], abort.signal)
    const behind = client.call('step', [], abort.signal)
    await begun(words, 1)
    abort.abort()
    // the thread blocks for ten minutes: that these end at all is the test
    await expectRejects(() => running, 'E_ABORTED')
    await expectRejects(() => behind, 'E_ABORTED')
    const next = client.call('step')
    release()
    expect(await next).to.equal('done')
    expect(Atomics.load(words, 0), 'calls that reached the runtime').to.equal(2)
    await client.close()
    expect(Atomics.load(words, 2)).to.equal(1)
  })

  it('is let go when it is closed, and ends when its call returns', async () => {
    const { client, words, release } = await open()
    const running = client.call('step')
    await begun(words, 1)
    const closed = Promise.all([client.close(), client.close()])
    await expectRejects(() => running, 'E_ABORTED', /closed while it computed/)
    await closed
    expect(threadsCompute()).to.equal(true)
    expect(Atomics.load(words, 2), 'closed inside a call').to.equal(0)
    await expectRejects(() => client.call('step'), 'E_ENGINE', /closed/)
    release()
    await threadsIdle()
    expect(threadsCompute()).to.equal(false)
    expect(Atomics.load(words, 2)).to.equal(1)
  })

  it('refuses a call whose signal has fired already', async () => {
    const { client, words } = await open()
    await expectRejects(() => client.call('step', [], AbortSignal.abort()), 'E_ABORTED')
    await client.close()
    expect(Atomics.load(words, 0)).to.equal(0)
  })
})
