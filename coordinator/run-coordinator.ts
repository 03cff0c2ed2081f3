/** A coordinator from its settings to the end of its task: what `covey coordinator start` runs. */
import type { Emit, NodeEvent } from '../node/events.ts'
import { openPeer } from '../node/open-peer.ts'
import type { PeerSettings } from '../node/settings.ts'
import { tellStats } from '../node/stats.ts'
import { createCoordinator } from './create-coordinator.ts'
import type { TaskPlan } from './create-task.ts'

/** Beside a node's events: the task's number once it is on chain. */
export type CoordinatorEvent =
  | NodeEvent
  | { readonly event: 'created'; readonly task: number; readonly peerId: string; readonly addresses: readonly string[] }

/** Runs until the task is over and then until the signal fires: others may still need its blobs. @throws CoveyError */
export async function runCoordinator(
  settings: PeerSettings,
  plan: TaskPlan,
  password: string,
  emit: (event: CoordinatorEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const peer = await openPeer(settings, password, emit as Emit)
  try {
    const { transport } = peer.components
    const { task, node } = await createCoordinator(peer.components, plan)
    const stop = (): void => void node.stop()
    signal.addEventListener('abort', stop, { once: true })
    emit({ event: 'created', task, peerId: transport.peerId, addresses: transport.addresses() })
    await node.finished
    tellStats(peer.components)
    if (!signal.aborted)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    await node.stop()
  } finally {
    await peer.close()
  }
}
