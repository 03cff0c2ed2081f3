/** What an arena waits for that anyone may do: a pure function, so that doing it twice is seen to be pointless. */
import type { ArenaView } from '../../src/types/arena.ts'
import type { Address } from '../../src/types/ledger.ts'

export type ArenaStep = 'start' | 'slice' | 'advance' | 'close'

/**
 * @param now chain time, unix seconds
 * @param hasProbe whoever asks holds the slices
 * @returns null when nothing is due
 */
export function arenaStep(arena: ArenaView, me: Address, now: number, hasProbe: boolean): ArenaStep | null {
  const { status, phase, deadline, params } = arena
  if (status !== 'open' && status !== 'running') return null
  if (phase === 'idle') return now >= params.endsAt ? 'close' : 'start'
  if (now >= deadline) return 'advance'
  return phase === 'slice' && hasProbe && arena.creator === me ? 'slice' : null
}
