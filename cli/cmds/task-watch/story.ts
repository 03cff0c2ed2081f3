/** Which of a task's events a watcher is told: those of the round that was open when it began to watch, and all that follow. */
import type { LedgerEvent } from '../../../src/ledger/abi/events.ts'
import { toJson } from '../../output.ts'

export interface Story {
  /** an event that was not told before; in the order of the chain */
  tells(event: LedgerEvent): boolean
  /** one that was told, and that the chain has taken back */
  takesBack(event: LedgerEvent): boolean
}

/** @param round the open round, or the last one; 0 before the first: everything is told */
export function storyFrom(task: number, round: number): Story {
  let begun = round === 0
  const told = new Set<string>()
  return {
    tells(event) {
      if (event.task !== task) return false
      const at = event.args.round
      if (typeof at === 'bigint' && at >= BigInt(round)) begun = true
      const key = toJson(event)
      if (!begun || (typeof at === 'bigint' && at < BigInt(round)) || told.has(key)) return false
      told.add(key)
      return true
    },
    takesBack: (event) => told.delete(toJson(event)),
  }
}
