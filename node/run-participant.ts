/** A participant from its settings to its last claim: what `covey node start` runs. */
import { writePeft } from '../src/adapter/peft.ts'
import type { GlobalAdapter, TaskContext } from './context.ts'
import { createNode } from './create-node.ts'
import { globalAfter } from './duties/global.ts'
import type { Emit } from './events.ts'
import { factKeys } from './keys.ts'
import { parseTamper, parseVoteTamper, poisoned } from './misbehave.ts'
import { openPeer } from './open-peer.ts'
import { loadPrivateData } from './private-data.ts'
import { readCanaries } from './scoring/canary-file.ts'
import { type ServedModelHandle, serveModel } from './serve-model.ts'
import { adapterFolder, type ParticipantSettings } from './settings.ts'
import { tellStats } from './stats.ts'

/** Runs until the task is over (a serving node: until the signal fires). @throws CoveyError */
export async function runParticipant(
  settings: ParticipantSettings,
  password: string,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const { data, misbehave } = settings
  const peer = await openPeer(settings, password, emit)
  const { components } = peer
  let served: ServedModelHandle | undefined
  const onGlobal = (global: GlobalAdapter): void => served?.setAdapter(global.values, global.digest)
  const node = createNode(components, {
    task: settings.task,
    duties: { participate: true, keep: false },
    threads: settings.threads,
    loadData:
      data === null
        ? null
        : async (spec) => {
            const { tokenizer } = components
            const own = await loadPrivateData(data, spec, tokenizer)
            return poisoned(own, misbehave, tokenizer, spec.training.maxTokens)
          },
    created: null,
    tamper: misbehave === null ? null : parseTamper(misbehave),
    tamperVotes: misbehave === null ? null : parseVoteTamper(misbehave),
    canaries: settings.canaries === null ? [] : await readCanaries(settings.canaries),
    privacy: settings.privacy,
    maxRank: settings.maxRank,
    onGlobal,
  })
  const stop = (): void => void node.stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    if (settings.serve !== null) {
      const context = await node.context
      const id = `${components.model.name}-${context.spec.name}`.toLowerCase().replaceAll(/[^a-z0-9.-]+/g, '-')
      served = await serveModel(
        { ...components, engine: components.inference, layout: context.layout, threads: settings.threads },
        settings.serve,
        id,
      )
      onGlobal(await newest(context))
      emit({ event: 'serving', url: served.url, model: id })
    }
    await node.finished
    if (!signal.aborted) await keepAdapter(await node.context, settings.dir)
    tellStats(components)
    if (served !== undefined && !signal.aborted)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  } finally {
    signal.removeEventListener('abort', stop)
    await node.stop()
    await served?.stop()
    await peer.close()
  }
}

/** The network's result as a PEFT folder beside the node's store, for `covey chat`, `export` and other tools. */
async function keepAdapter(context: TaskContext, dir: string): Promise<void> {
  const { values } = await newest(context)
  await writePeft(adapterFolder(dir, context.task), { layout: context.layout, values }, context.model)
}

async function newest(context: TaskContext): Promise<GlobalAdapter> {
  return globalAfter(context, (await context.store.facts.get<number>(factKeys.aggregated(context.task))) ?? 0)
}
