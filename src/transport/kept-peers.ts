/** The peers that a node wants to be connected to, and when to dial which of them again. */

import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { CoveyError, messageOf } from '../base/errors.ts'

/** Kept peers at most: a full mesh of the largest network that one task has. */
const MAX_KEPT = 128
/** Addresses of one peer: those of its interfaces before and after a restart; the oldest goes first. */
const MAX_ADDRESSES = 8
/** Wait before a peer that did not answer is dialled again: doubles from the first to the last. */
const REDIAL_FIRST_MS = 500
const REDIAL_MOST_MS = 15_000

interface Kept {
  readonly addresses: string[]
  wait_ms: number
  dueAt: number
  dialling: boolean
}

export interface DialTarget {
  readonly peerId: string
  readonly addresses: Multiaddr[]
}

export class KeptPeers {
  readonly #kept = new Map<string, Kept>()

  /** @returns the peer's id. @throws CoveyError E_ARGUMENT when it is not a multiaddr that ends in /p2p/PEERID, E_PEER when there are too many */
  add(address: string): string {
    const peerId = peerIdIn(address)
    const kept = this.#kept.get(peerId)
    if (kept !== undefined) {
      if (kept.addresses.includes(address)) return peerId
      kept.addresses.push(address)
      if (kept.addresses.length > MAX_ADDRESSES) kept.addresses.shift()
      // a new address is news: the old ones may be the reason for the long wait
      kept.dueAt = 0
      kept.wait_ms = REDIAL_FIRST_MS
      return peerId
    }
    if (this.#kept.size >= MAX_KEPT) {
      throw new CoveyError(
        'E_PEER',
        `expected at most ${MAX_KEPT} peers to keep a connection to; ${peerId} is one too many`,
      )
    }
    this.#kept.set(peerId, { addresses: [address], wait_ms: REDIAL_FIRST_MS, dueAt: 0, dialling: false })
    return peerId
  }

  addresses(peerId: string): readonly string[] {
    return this.#kept.get(peerId)?.addresses ?? []
  }

  ids(): IterableIterator<string> {
    return this.#kept.keys()
  }

  /** All may be dialled at once, as after a start. */
  reset(): void {
    for (const kept of this.#kept.values()) {
      kept.wait_ms = REDIAL_FIRST_MS
      kept.dueAt = 0
      kept.dialling = false
    }
  }

  /** Dials those that are due; each dial's end is noted. `dial` may reject. */
  dialDue(now: number, connected: (peerId: string) => boolean, dial: (target: DialTarget) => Promise<void>): void {
    for (const [peerId, kept] of this.#kept) {
      if (connected(peerId)) {
        kept.wait_ms = REDIAL_FIRST_MS
        kept.dueAt = 0
        continue
      }
      if (kept.dialling || kept.dueAt > now) continue
      kept.dialling = true
      dial({ peerId, addresses: kept.addresses.map((a) => multiaddr(a)) })
        .catch(() => {
          kept.dueAt = performance.now() + kept.wait_ms
          kept.wait_ms = Math.min(kept.wait_ms * 2, REDIAL_MOST_MS)
        })
        .finally(() => {
          kept.dialling = false
        })
    }
  }
}

/** The peer id at the end of a multiaddr. @throws CoveyError E_ARGUMENT */
export function peerIdIn(address: string): string {
  let id: string | undefined
  try {
    const last = multiaddr(address).getComponents().at(-1)
    if (last?.name === 'p2p' && last.value !== undefined) id = peerIdFromString(last.value).toString()
  } catch (cause) {
    throw new CoveyError(
      'E_ARGUMENT',
      `address: expected a multiaddr, got ${JSON.stringify(address.slice(0, 200))}: ${messageOf(cause)}`,
      {},
      { cause },
    )
  }
  if (id === undefined) {
    throw new CoveyError(
      'E_ARGUMENT',
      `address: expected a multiaddr that ends in /p2p/PEERID, got ${JSON.stringify(address.slice(0, 200))}`,
    )
  }
  return id
}
