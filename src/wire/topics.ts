/** Names of the gossip topics. A task has one of its own, so that one busy task costs nothing to the peers of others. */
import { CoveyError } from '../base/errors.ts'

/** Raised when messages change in a way that old peers cannot read. */
const WIRE_VERSION = 1

/** Where blobs of a task are announced and its peers say hello. @throws CoveyError E_ARGUMENT */
export function announcementTopic(chainId: number | bigint, task: number): string {
  const id = typeof chainId === 'number' && !Number.isSafeInteger(chainId) ? 0n : BigInt(chainId)
  if (id < 1n) throw new CoveyError('E_ARGUMENT', `chainId: expected a positive integer, got ${chainId}`)
  if (!Number.isSafeInteger(task) || task < 0) {
    throw new CoveyError('E_ARGUMENT', `task: expected a whole number from 0, got ${task}`)
  }
  return `/covey/${WIRE_VERSION}/${id}/${task}/announcements`
}
