/** The numbers behind `Transport.stats`. */
import type { TransportStats } from '../types/transport.ts'

export type Counters = { -readonly [K in keyof TransportStats]: TransportStats[K] }

export function newCounters(): Counters {
  return { bytesGossiped: 0, bytesPulled: 0, bytesServed: 0, messagesRejected: 0 }
}
