/** A node's ears and mouth: who serves what, who can be reached where. */
import { isCoveyError } from '../src/base/errors.ts'
import type { Clock } from '../src/types/clock.ts'
import type { GossipMessage, Transport, Verdict } from '../src/types/transport.ts'
import type { BlobAnnouncement, WireMessage } from '../src/types/wire.ts'
import { decodeMessage, encodeMessage } from '../src/wire/messages.ts'
import { announcementTopic } from '../src/wire/topics.ts'
import { every } from './every.ts'
import type { Providers } from './providers.ts'

export interface Gossip {
  announce(message: Omit<BlobAnnouncement, 'kind'>): Promise<void>
  stop(): void
}

export interface GossipOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly chainId: number
  readonly task: number
  readonly providers: Providers
  /** called after anything new was learnt */
  readonly onNews: (message: BlobAnnouncement, from: string) => void
}

/** Everyone says hello again and again: a late comer learns the others' addresses, and they learn its with its first one. */
const HELLO_PACE = { first_ms: 3_000, times: 8, then_ms: 20_000 }

export function startGossip(options: GossipOptions): Gossip {
  const { transport, providers } = options
  const topic = announcementTopic(options.chainId, options.task)

  const validate = (message: GossipMessage): Verdict => {
    try {
      const decoded = decodeMessage(message.data)
      if (decoded.kind === 'hello')
        return decoded.addresses.every((a) => a.endsWith(`/p2p/${message.from}`)) ? 'accept' : 'reject'
      return decoded.task === options.task ? 'accept' : 'reject'
    } catch (error) {
      if (isCoveyError(error)) return 'reject'
      throw error
    }
  }

  const handle = (message: GossipMessage): void => {
    const decoded = decodeMessage(message.data)
    if (decoded.kind === 'hello') {
      // again and again on purpose: a peer that was started anew has new addresses
      if (message.from !== transport.peerId) keep(decoded.addresses[0])
      return
    }
    providers.add(decoded.digest, message.from, decoded.size)
    options.onNews(decoded, message.from)
  }

  const keep = (address: string | undefined): void => {
    try {
      if (address !== undefined) transport.keep(address)
    } catch (error) {
      // a stranger's address that is none, or one too many: it costs us nothing to leave it
      if (!isCoveyError(error)) throw error
    }
  }

  const publish = async (message: WireMessage): Promise<void> => {
    await transport.publish(topic, encodeMessage(message))
  }
  const hello = (): void => {
    const addresses = transport.addresses().slice(0, 4)
    // nobody to tell yet is no reason to stop: the next one comes soon
    if (addresses.length > 0) publish({ kind: 'hello', addresses }).catch(() => undefined)
  }

  const unsubscribe = transport.subscribe(topic, validate, handle)
  const stopHellos = every(options.clock, HELLO_PACE, hello)
  return {
    announce: (message) => publish({ kind: 'blob', ...message }),
    stop() {
      stopHellos()
      unsubscribe()
    },
  }
}
