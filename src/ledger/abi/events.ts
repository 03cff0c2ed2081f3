/** The contracts' events, decoded for people and for whoever follows a task. */

import type { IndexedLog } from '../indexer.ts'
import { arenaInterface, registryInterface, tasksInterface, vaultInterface } from './contracts.ts'

export interface LedgerEvent {
  readonly name: string
  /** null for events of accounts (stakes, bindings, claims) and of arenas, whose number is `args.arena` */
  readonly task: number | null
  readonly block: number
  /** arguments by their Solidity names; whole numbers as bigint */
  readonly args: Readonly<Record<string, unknown>>
}

const INTERFACES = [tasksInterface, vaultInterface, registryInterface, arenaInterface]

/** Null for a log that is not one of our events. */
export function decodeEvent(log: IndexedLog): LedgerEvent | null {
  for (const iface of INTERFACES) {
    try {
      const parsed = iface.parseLog({ topics: [...log.topics], data: log.data })
      if (parsed === null) continue
      const args = Object.fromEntries(parsed.fragment.inputs.map((input, i) => [input.name, parsed.args[i] as unknown]))
      return { name: parsed.name, task: typeof args.id === 'bigint' ? Number(args.id) : null, block: log.block, args }
    } catch {
      // right topic, other layout: not ours
    }
  }
  return null
}
