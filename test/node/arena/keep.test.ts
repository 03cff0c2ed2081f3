import { expect } from 'chai'
import { arenaStep } from '../../../node/arena/keep.ts'
import type { ArenaView } from '../../../src/types/arena.ts'
import type { Address } from '../../../src/types/ledger.ts'

const CREATOR: Address = `0x${'11'.repeat(20)}`
const OTHER: Address = `0x${'22'.repeat(20)}`
const at = (change: Partial<ArenaView>): ArenaView =>
  ({
    status: 'running',
    phase: 'idle',
    deadline: 0,
    creator: CREATOR,
    params: { endsAt: 1000 },
    ...change,
  }) as ArenaView

describe('what an arena waits for', () => {
  const cases: readonly [name: string, ArenaView, Address, now: number, probe: boolean, expected: string | null][] = [
    ['open and idle: begin', at({ status: 'open' }), OTHER, 1, false, 'start'],
    ['idle between epochs: begin', at({}), OTHER, 999, false, 'start'],
    ['idle past its end: close', at({}), OTHER, 1000, false, 'close'],
    ['finished: nothing', at({ status: 'finished' }), OTHER, 2000, false, null],
    ['a phase that runs: nothing', at({ phase: 'submit', deadline: 50 }), CREATOR, 49, true, null],
    ['a phase past its deadline: end it', at({ phase: 'submit', deadline: 50 }), OTHER, 50, false, 'advance'],
    ['the slice, by its creator', at({ phase: 'slice', deadline: 50 }), CREATOR, 49, true, 'slice'],
    ['the slice, by another', at({ phase: 'slice', deadline: 50 }), OTHER, 49, true, null],
    ['the slice, without the probe', at({ phase: 'slice', deadline: 50 }), CREATOR, 49, false, null],
    ['too late for the slice', at({ phase: 'slice', deadline: 50 }), CREATOR, 50, true, 'advance'],
  ]
  for (const [name, arena, me, now, probe, expected] of cases)
    it(name, () => {
      expect(arenaStep(arena, me, now, probe)).to.equal(expected)
    })
})
