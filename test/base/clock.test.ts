import { expect } from 'chai'
import { systemClock } from '../../src/base/clock.ts'
import type { Clock } from '../../src/types/clock.ts'
import { codeOf } from '../support/code-of.ts'
import { FakeClock } from '../support/fake-clock.ts'

const clocks: readonly (readonly [string, () => { clock: Clock; pass: (ms: number) => Promise<void> }])[] = [
  ['system clock', () => ({ clock: systemClock, pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) })],
  [
    'fake clock',
    () => {
      const clock = new FakeClock()
      return { clock, pass: (ms) => clock.advance(ms) }
    },
  ],
]

for (const [name, make] of clocks) {
  describe(name, () => {
    it('wakes sleepers in the order of their times', async () => {
      const { clock, pass } = make()
      const woken: number[] = []
      const sleeps = [60, 20, 40].map((ms) => clock.sleep(ms).then(() => woken.push(ms)))
      expect(woken).to.deep.equal([])
      await pass(80)
      await Promise.all(sleeps)
      expect(woken).to.deep.equal([20, 40, 60])
    })

    it('moves on while it sleeps', async () => {
      const { clock, pass } = make()
      const before = clock.now()
      const slept = clock.sleep(30)
      await pass(35)
      await slept
      // a timer of Node may fire up to a millisecond early
      expect(clock.now() - before).to.be.at.least(29)
    })

    it('an abort ends a sleep at once, before it and in it', async () => {
      const { clock } = make()
      const abort = new AbortController()
      const sleep = codeOf(clock.sleep(1e9, abort.signal))
      abort.abort()
      expect(await sleep).to.equal('E_ABORTED')
      expect(await codeOf(clock.sleep(1e9, abort.signal))).to.equal('E_ABORTED')
    })
  })
}

describe('fake clock: advance', () => {
  it('wakes a sleeper that was put to sleep on the way', async () => {
    const clock = new FakeClock(0)
    const woken: number[] = []
    const loop = (async () => {
      for (let i = 0; i < 3; i++) {
        await clock.sleep(10)
        woken.push(clock.now())
      }
    })()
    await clock.advance(25)
    expect(woken).to.deep.equal([10, 20])
    expect(clock.sleeping).to.equal(1)
    expect(await clock.advanceToNext()).to.equal(true)
    await loop
    expect(woken).to.deep.equal([10, 20, 30])
    expect(await clock.advanceToNext()).to.equal(false)
  })
})
