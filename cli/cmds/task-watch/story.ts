/** Which of a task's events a watcher is told: those of the round that was open when it began to watch, and all that follow. */
import type { LedgerEvent } from '../../../src/ledger/events.ts'

export interface Story {
  tells(event: LedgerEvent): boolean
}

/** @param round the open round, or the last one; 0 before the first: everything is told */
export function storyFrom(task: number, round: number): Story {
  let begun = round === 0
  return {
    tells(event) {
      if (event.task !== task) return false
      const at = event.args.round
      if (typeof at === 'bigint' && at >= BigInt(round)) begun = true
      return begun && (typeof at !== 'bigint' || at >= BigInt(round))
    },
  }
}
