/**
 * Wires a node out of its parts. The parts are seams, so the same node runs on libp2p, an EVM and ONNX Runtime, or on
 * their in-memory twins in a simulation. A coordinator is a node with other duties.
 */
import { createLayout, initialAdapter } from '../src/adapter/layout.ts'
import { aggregatorFor } from '../src/aggregate/registry.ts'
import { CoveyError } from '../src/base/errors.ts'
import type { Canary, TaskSpec } from '../src/types/spec.ts'
import { encodeSpec, specDigest } from '../src/wire/spec.ts'
import type {
  GlobalAdapter,
  Masked,
  NodeComponents,
  PrivateData,
  ProbeBook,
  TaskContext,
  Workbench,
} from './context.ts'
import { directionsOf } from './directions.ts'
import { startLine } from './duties/global.ts'
import { checkContext, fetchSpec } from './duties/spec.ts'
import { every } from './every.ts'
import { startGossip } from './gossip.ts'
import { checkCohortNoise } from './masked/check-noise.ts'
import { MaskedTask } from './masked/masked-task.ts'
import type { Tamper, VoteTamper } from './misbehave.ts'
import { ANY_PRIVACY, checkFloor, type PrivacyFloor } from './privacy/floor.ts'
import { Providers } from './providers.ts'
import { forgetResiduals } from './residual.ts'
import { openCanaries } from './scoring/canaries.ts'
import { createTaskLoop } from './task-loop.ts'
import { createWorkbench } from './workbench.ts'

export interface NodeOptions {
  readonly task: number
  readonly duties: { readonly participate: boolean; readonly keep: boolean }
  /** cores that this node may use; 0 = all */
  readonly threads: number
  /** the node's own examples once the task's spec is known; null = this node brings no data */
  readonly loadData: ((spec: TaskSpec) => Promise<PrivateData>) | null
  /** the creator's probe and spec; null for everybody else */
  readonly created: { readonly spec: TaskSpec; readonly probe: ProbeBook | null } | null
  readonly tamper: Tamper | null
  readonly tamperVotes?: VoteTamper | null
  /** what this node's owner suspects, beside the task's canaries */
  readonly canaries?: readonly Canary[]
  /** what this node's owner allows; anything when left out */
  readonly privacy?: PrivacyFloor
  /** of LoRA's directions, how many this node trains at most, where the task lets it choose; null or left out: all */
  readonly maxRank?: number | null
  readonly onGlobal?: (global: GlobalAdapter, context: TaskContext) => void
}

export interface CoveyNode {
  /** the task's context, once the spec is here */
  readonly context: Promise<TaskContext>
  /** resolves when the task is over for this node, rejects when it cannot take part */
  readonly finished: Promise<void>
  /** stops the duties; the seams are closed by whoever opened them */
  stop(): Promise<void>
}

/** The creator repeats where the spec is, for those who come late ... */
const CREATOR_PACE = { first_ms: 2_000, times: 20, then_ms: 10_000 }
/** ... and so does everybody else who has it: who comes late finds it when the creator is gone. */
const HOLDER_PACE = { first_ms: 30_000, times: 0, then_ms: 30_000 }

/** What the last masked round was opened with: who was away needs it before it can go on. */
const OPENINGS_PACE = { first_ms: 10_000, times: 0, then_ms: 10_000 }

export function createNode(components: NodeComponents, options: NodeOptions): CoveyNode {
  const abort = new AbortController()
  let workbench: Workbench | undefined
  let masked: Masked | null = null
  let wake = (): void => undefined
  const { ledger, transport, store } = components
  const providers = new Providers()
  const gossip = startGossip({
    transport,
    clock: components.clock,
    chainId: ledger.chainId,
    task: options.task,
    providers,
    onNews: (message, from) => {
      masked?.hear(from, message)
      wake()
    },
  })
  transport.serveBlobs(store.blobs)

  const open = async (): Promise<TaskContext> => {
    await ledger.register(transport.peerId, (digest) => transport.sign(digest))
    components.emit({
      event: 'ready',
      account: ledger.account,
      peerId: transport.peerId,
      addresses: transport.addresses(),
    })
    const { params } = await ledger.task(options.task)
    if (options.created !== null) await store.blobs.put(encodeSpec(options.created.spec))
    const spec = await fetchSpec({ ...components, providers }, params.specDigest, abort.signal)
    if (spec.model.digest !== components.model.digest || params.baseDigest !== components.model.digest) {
      throw new CoveyError(
        'E_ADAPTER',
        `task ${options.task} trains the base ${spec.model.name} (${spec.model.digest}), this node has ${components.model.name} (${components.model.digest}): give its folder with --model`,
        { task: options.task },
      )
    }
    checkContext(options.task, spec, components.model)
    const privacy = options.privacy ?? ANY_PRIVACY
    // who brings no data publishes none
    if (options.loadData !== null) checkFloor(options.task, spec.privacy, privacy)
    const layout = createLayout(components.model.config, spec.adapter)
    if (options.loadData !== null) checkCohortNoise(options.task, spec.privacy, params, layout)
    const { rule, residualRank } = spec.aggregation
    const aggregator = aggregatorFor(rule, residualRank)
    const maxRank = options.maxRank ?? null
    const directions = directionsOf({ aggregator, layout, spec, maxRank }).own
    workbench = createWorkbench({ ...components, layout, spec: spec.training, threads: options.threads, directions })
    const data = options.loadData === null ? null : await options.loadData(spec)
    masked = spec.privacy.mode === 'masked' ? new MaskedTask(() => context) : null
    const context: TaskContext = {
      ...components,
      task: options.task,
      spec,
      rules: params.rules,
      layout,
      initial: initialAdapter(layout),
      aggregator,
      maxRank,
      data,
      probe: options.created?.probe ?? null,
      providers,
      pulls: new Map(),
      workbench,
      masked,
      privacy,
      canaries: openCanaries(spec, options.canaries ?? [], components.tokenizer),
      tamper: options.tamper,
      tamperVotes: options.tamperVotes ?? null,
      announce: (message) => gossip.announce(message),
      onGlobal: (global) => options.onGlobal?.(global, context),
    }
    await startLine(context)
    components.emit({
      event: 'task',
      task: options.task,
      specDigest: params.specDigest,
      examples: data?.train.length ?? 0,
    })
    return context
  }

  const repeatSpec = (context: TaskContext): (() => void) => {
    const digest = specDigest(context.spec)
    const size = encodeSpec(context.spec).byteLength
    const announce = (): void => {
      // nobody may be there yet: the next one comes soon
      context.announce({ of: 'spec', task: options.task, round: 0, digest, size }).catch(() => undefined)
    }
    return every(components.clock, options.created === null ? HOLDER_PACE : CREATOR_PACE, announce)
  }

  const context = open()
  const finished = context.then(async (ctx) => {
    const stopRepeating = repeatSpec(ctx)
    // nobody may be there yet: the next one comes soon
    const tellOpenings = (): void => void ctx.masked?.announceOpenings().catch(() => undefined)
    const stopTelling = ctx.masked === null ? null : every(components.clock, OPENINGS_PACE, tellOpenings)
    try {
      const loop = createTaskLoop({ ctx, duties: options.duties, signal: abort.signal })
      wake = loop.wake
      await loop.run()
      if (abort.signal.aborted) return
      await forgetResiduals(ctx)
      components.emit({ event: 'finished', task: options.task })
    } finally {
      stopRepeating()
      stopTelling?.()
    }
  })
  // whoever awaits `finished` sees the failure; `context` fails with the same one
  context.catch(() => undefined)
  finished.catch(() => undefined)

  return {
    context,
    finished,
    async stop() {
      abort.abort()
      gossip.stop()
      await finished.catch(() => undefined)
      await workbench?.close()
    },
  }
}
