/**
 * A coordinator is a node with other duties: it creates the task, is where peers meet first, keeps every delta for those
 * who come late, reveals the probe's slices and moves the rounds on. It is never trusted: without it the round goes on.
 */
import type { NodeComponents } from '../node/context.ts'
import { type CoveyNode, createNode } from '../node/create-node.ts'
import { ensureTask, type TaskPlan } from './create-task.ts'

export interface Coordinator {
  readonly task: number
  readonly node: CoveyNode
}

/** @throws CoveyError E_REVERT | E_FUNDS | E_RPC when the task cannot be created */
export async function createCoordinator(components: NodeComponents, plan: TaskPlan): Promise<Coordinator> {
  const task = await ensureTask(components.ledger, components.store, plan)
  const node = createNode(components, {
    task,
    duties: { participate: false, keep: true },
    threads: 1,
    loadData: null,
    created: { spec: plan.spec, probe: plan.probe },
    tamper: null,
  })
  return { task, node }
}
