/** A task as somebody sees it who takes no part: the chain, and blobs that are here or can be had. Nothing is announced, served or written to the chain. */
import { createLayout, initialAdapter } from '../../src/adapter/layout.ts'
import { aggregatorFor } from '../../src/aggregate/registry.ts'
import { CoveyError, isCoveyError } from '../../src/base/errors.ts'
import type { TaskView } from '../../src/types/ledger.ts'
import type { TaskSpec } from '../../src/types/spec.ts'
import { MAX_SPEC_BYTES } from '../../src/wire/limits.ts'
import { decodeSpec } from '../../src/wire/spec.ts'
import type { NodeComponents, TaskContext } from '../context.ts'
import { checkContext } from '../duties/spec.ts'
import { MaskedTask } from '../masked/masked-task.ts'
import { ANY_PRIVACY } from '../privacy/floor.ts'
import { Providers } from '../providers.ts'
import { createWorkbench } from '../workbench.ts'

/** What only a node has that takes part. */
const NO_PART = { data: null, probe: null, canaries: null, tamper: null, tamperVotes: null }

/** @throws CoveyError E_BLOB_UNAVAILABLE when the spec is not here | E_SPEC | E_ADAPTER for another base */
export async function auditContext(components: NodeComponents, view: TaskView, threads: number): Promise<TaskContext> {
  const { model } = components
  const spec = await specOf(components, view)
  if (spec.model.digest !== model.digest)
    throw new CoveyError(
      'E_ADAPTER',
      `task ${view.id} trains the base ${spec.model.name} (${spec.model.digest}), the model given is ${model.name} (${model.digest}): give its folder with --model`,
      { task: view.id },
    )
  checkContext(view.id, spec, model)
  const layout = createLayout(model.config, spec.adapter)
  const context: TaskContext = {
    ...components,
    task: view.id,
    spec,
    rules: view.params.rules,
    layout,
    initial: initialAdapter(layout),
    aggregator: aggregatorFor(spec.aggregation.rule, spec.aggregation.residualRank),
    ...NO_PART,
    providers: new Providers(),
    pulls: new Map(),
    workbench: createWorkbench({ ...components, layout, spec: spec.training, threads }),
    masked: spec.privacy.mode === 'masked' ? new MaskedTask(() => context) : null,
    privacy: ANY_PRIVACY,
    announce: async () => undefined,
    onGlobal: () => undefined,
  }
  return context
}

async function specOf({ store }: Pick<NodeComponents, 'store'>, { id, params }: TaskView): Promise<TaskSpec> {
  const { specDigest } = params
  try {
    return decodeSpec(await store.blobs.get(specDigest, MAX_SPEC_BYTES))
  } catch (cause) {
    if (!isCoveyError(cause, 'E_BLOB_UNAVAILABLE')) throw cause
    throw new CoveyError(
      'E_BLOB_UNAVAILABLE',
      `the spec of task ${id} (${specDigest}) is not here: give the data directory of a node of the task with --dir or --blobs`,
      { task: id, digest: specDigest },
      { cause },
    )
  }
}
