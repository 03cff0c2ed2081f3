/** What both transports do with a gossip message: size before it leaves, verdict before it goes on. */
import { CoveyError, messageOf } from '../base/errors.ts'
import type { GossipMessage, GossipValidator, Verdict } from '../types/transport.ts'
import { MAX_GOSSIP_BYTES } from '../wire/limits.ts'

export interface Subscription {
  readonly validator: GossipValidator
  readonly handler: (message: GossipMessage) => void
}

/** @throws CoveyError E_TOO_LARGE */
export function assertGossipSize(topic: string, data: Uint8Array): void {
  if (data.byteLength <= MAX_GOSSIP_BYTES) return
  throw new CoveyError(
    'E_TOO_LARGE',
    `message on ${topic}: at most ${MAX_GOSSIP_BYTES} bytes, got ${data.byteLength}; put it in a blob and announce that`,
    { topic },
  )
}

/** The verdict of a topic's validator. One that throws is a fault here, not the sender's: the message is not passed on. */
export async function judge(subscription: Subscription | undefined, message: GossipMessage): Promise<Verdict> {
  if (message.data.byteLength > MAX_GOSSIP_BYTES) return 'reject'
  if (subscription === undefined) return 'ignore'
  try {
    return await subscription.validator(message)
  } catch (error) {
    process.emitWarning(`the validator of ${message.topic} threw: ${messageOf(error)}`, 'CoveyWarning')
    return 'ignore'
  }
}

/** Hands an accepted message over. A handler that throws is told on standard error; a message must not end the process. */
export function deliver(subscription: Subscription | undefined, message: GossipMessage): void {
  try {
    subscription?.handler(message)
  } catch (error) {
    process.emitWarning(`the handler of ${message.topic} threw: ${messageOf(error)}`, 'CoveyWarning')
  }
}
