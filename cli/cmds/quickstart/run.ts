/** The whole loop, once: chain, coordinator and nodes as processes of their own, from an empty folder to a served model. */
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { machinePrecision } from '../../../node/precision.ts'
import { nodeFiles } from '../../../node/settings.ts'
import { createLayout, initialAdapter } from '../../../src/adapter/layout.ts'
import { aggregatorFor } from '../../../src/aggregate/registry.ts'
import { cacheFolder } from '../../../src/base/cache-folder.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import { encodeSlice } from '../../../src/data/slices.ts'
import { probeSlices } from '../../../src/data/split.ts'
import { loadTokenizer } from '../../../src/data/tokenizer.ts'
import { createOnnxEngine } from '../../../src/engine/onnx/engine.ts'
import { loadModel } from '../../../src/model/folder/load.ts'
import { BlobFiles } from '../../../src/store/blob-files.ts'
import type { Precision } from '../../../src/types/engine.ts'
import type { Signer } from '../../../src/types/signer.ts'
import { MAX_BLOB_BYTES as MAX_ADAPTER_BYTES } from '../../../src/wire/limits.ts'
import { specDigest } from '../../../src/wire/spec.ts'
import { askServed } from './ask.ts'
import { type CompareOptions, type Comparison, Yardstick } from './compare.ts'
import { type Comparing, startComparison } from './compare-client.ts'
import { scheduleCrashes } from './crash.ts'
import { Fleet } from './fleet.ts'
import { History } from './history.ts'
import { withMasks } from './masked.ts'
import { createKeys, type Money, setUpMoney } from './money.ts'
import type { QuickstartOptions } from './plan.ts'
import type { QuickstartResult } from './result.ts'
import { Screen } from './screen.ts'
import { makeShards, type Shards } from './shards.ts'
import { quickstartSpec, quickstartTerms } from './spec.ts'

/** Cores of a node: there are more nodes than cores. */
const NODE_THREADS = 1
/** Longest wait for a process to be ready, ms: eight Node processes start on two cores. */
const READY_TIMEOUT_MS = 120_000

export interface QuickstartRun {
  readonly result: QuickstartResult
  /** ends what was kept up */
  readonly stop: () => Promise<void>
}

/** @throws CoveyError */
export async function runQuickstart(
  options: QuickstartOptions,
  out: NodeJS.WriteStream,
  signal: AbortSignal,
): Promise<QuickstartRun> {
  const began = performance.now()
  const dir = resolve(options.dir)
  const logDir = join(dir, 'logs')
  await mkdir(logDir, { recursive: true, mode: 0o700 })
  const screen = new Screen({ out, live: out.isTTY === true && !options.json, rounds: options.rounds })
  const password = randomBytes(24).toString('base64url')
  await writeFile(join(dir, 'password'), `${password}\n`, { mode: 0o600 })
  const history = new History(screen)
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined)
  const fleet = new Fleet({
    logDir,
    env: { COVEY_PASSWORD: password },
    onEvent: (name, event) => history.add(name, event),
    onCrash: (name, code, words) =>
      failed.reject(
        new CoveyError(
          'E_INTERNAL',
          `${name} ended with code ${code}: ${words || 'it said nothing'}; see ${logDir}/${name}.log`,
          { name },
        ),
      ),
  })
  const aborted = new Promise<never>((_, reject) =>
    signal.addEventListener('abort', () => reject(new CoveyError('E_ABORTED', 'stopped by the user')), { once: true }),
  )
  aborted.catch(() => undefined)
  /** resolves with the value, unless a process dies or the user has had enough */
  const during = <T>(work: Promise<T>): Promise<T> => Promise.race([work, failed.promise, aborted])

  let comparing: Comparing | undefined
  let money: Money | undefined
  try {
    const [model, tokenizer] = await Promise.all([loadModel(options.model), loadTokenizer(options.model)])
    const precision = await precisionOf(options, screen)
    const shards = await makeShards(options, tokenizer)
    for (const node of shards.nodes)
      screen.say(
        `${node.name}: ${node.examples.length} private examples of ${node.partitions.join(', ')}${node.liar ? ' (will lie)' : node.idle ? ' (will idle)' : ''}`,
      )
    const spec = withMasks(quickstartSpec(options, model, shards.templates), options)
    await writeInputs(dir, options, shards, spec)

    screen.title('starting the chain')
    const names = shards.nodes.map((n) => n.name)
    const keys = await createKeys(dir, ['deployer', 'coordinator', ...names], password)
    const funded = [...keys.values()].flatMap((signer) => ['--fund', signer.address])
    fleet.start('chain', ['chain', 'up', '--dir', join(dir, 'chain'), '--port', '0', ...funded])
    const chain = await during(history.wait('chain', 'chain-ready', READY_TIMEOUT_MS))
    const rpc = String(chain.rpc)
    screen.title('deploying contracts, funding and staking')
    money = await during(setUpMoney(dir, rpc, Number(chain.chainId), keys, options))
    screen.say(`contracts deployed, ${shards.nodes.length} nodes funded and staked`)
    for (const name of names) screen.name((keys.get(name) as Signer).address, name)

    const common = [
      '--rpc',
      rpc,
      '--contracts',
      money.addressesFile,
      '--model',
      resolve(options.model),
      '--listen',
      '/ip4/127.0.0.1/tcp/0',
      '--threads',
      String(NODE_THREADS),
    ]
    fleet.start('coordinator', [
      'coordinator',
      'start',
      '--dir',
      join(dir, 'coordinator'),
      '--task-file',
      join(dir, 'coordinator', 'task.json'),
      ...common,
    ])
    const created = await during(history.wait('coordinator', 'created', READY_TIMEOUT_MS))
    const task = Number(created.task)
    screen.say(
      `task ${task} created: ${options.rounds} rounds, ${options.proposers} proposers and ${options.voters} voters a round`,
    )
    const crashes = scheduleCrashes(options.crash, options.rounds, options.seed, { fleet, history, screen })
    const layout = createLayout(model.config, spec.adapter)
    const compare: CompareOptions = {
      engine: createOnnxEngine(),
      model,
      tokenizer,
      clock: systemClock,
      spec,
      initial: initialAdapter(layout),
      aggregator: aggregatorFor(spec.aggregation.rule, spec.aggregation.residualRank),
      shards,
      rounds: options.rounds,
      proposers: options.proposers,
      seed: options.seed,
      say: (text) => screen.say(text),
    }
    if (options.compare) {
      const { rounds, proposers, seed } = options
      comparing = startComparison(
        { modelDir: resolve(options.model), spec, shards, rounds, proposers, seed, precision },
        (text) => screen.say(text),
      )
    }
    const bootstrap = (created.addresses as string[])[0] as string
    for (const [i, node] of shards.nodes.entries()) {
      const args = [
        'node',
        'start',
        '--dir',
        join(dir, node.name),
        '--task',
        String(task),
        '--data',
        join(dir, node.name, 'private.jsonl'),
        '--bootstrap',
        bootstrap,
        '--precision',
        precision,
        ...common,
      ]
      if (node.liar) args.push('--misbehave', options.attack)
      if (node.idle) args.push('--misbehave', 'zeros')
      if (options.ranks.length > 0) args.push('--rank', String(options.ranks[i % options.ranks.length]))
      if (i === 0) args.push('--serve', '--port', String(options.port))
      fleet.start(node.name, args)
    }
    await during(Promise.race(names.map((n) => history.wait(n, 'finished', Number.POSITIVE_INFINITY))))
    await during(crashes.end())
    // the task is over: who still has a round to aggregate needs only what the others hold
    await during(Promise.all(names.map((n) => history.wait(n, 'finished', READY_TIMEOUT_MS))))
    await during(Promise.all(names.map((n) => history.wait(n, 'stats', READY_TIMEOUT_MS))))

    screen.title('asking the served model')
    const serving = await during(history.wait('node-0', 'serving', READY_TIMEOUT_MS))
    const served = await during(
      askServed(String(serving.url), String(serving.model), shards.test, history.lastDigest('node-0')),
    )
    const rewards = await during(money.rewards(history))
    await money.close()
    if (!options.keep) await fleet.stopAll()

    // reading beside the node that owns the folder is safe: a blob's file never changes
    const blobs = new BlobFiles(join(nodeFiles.store(join(dir, 'node-0')), 'blobs'), () => false)
    const evaluation = await during(
      evaluate(
        options,
        compare,
        comparing?.result ?? null,
        history,
        (digest) => blobs.get(digest, MAX_ADAPTER_BYTES),
        screen,
      ),
    )
    if (comparing !== undefined) fleet.noteRss('comparison', comparing.rssMb())
    fleet.noteRss('quickstart', process.resourceUsage().maxRSS / 1000)
    const result: QuickstartResult = {
      task: { id: task, specDigest: specDigest(spec), baseDigest: model.digest, contract: money.tasks },
      rounds: history.rounds(),
      evaluation,
      agreement: { globalDigests: names.map((n) => history.lastDigest(n)) },
      rewards,
      served,
      crashes: crashes.done,
      privacy: history.privacy(),
      seconds: (performance.now() - began) / 1000,
      peakRssMb: fleet.peakRssMb(),
    }
    screen.close()
    return { result, stop: () => fleet.stopAll() }
  } catch (error) {
    comparing?.stop()
    screen.close()
    await money?.close()
    await fleet.stopAll()
    throw error
  }
}

/** What all nodes train in, found before they fight over the cores. */
async function precisionOf({ precision }: QuickstartOptions, screen: Screen): Promise<Precision> {
  if (precision !== 'auto') return precision
  screen.title('which precision this machine trains faster in (measured once)')
  const { chosen } = await machinePrecision(createOnnxEngine(), NODE_THREADS, cacheFolder())
  screen.say(`training with frozen products in ${chosen}`)
  return chosen
}

async function evaluate(
  options: QuickstartOptions,
  compare: CompareOptions,
  comparing: Promise<Comparison> | null,
  history: History,
  blob: (digest: string) => Promise<Uint8Array>,
  screen: Screen,
): Promise<QuickstartResult['evaluation']> {
  screen.title('training what to compare with: each node alone, and all data pooled')
  const comparison = await comparing
  screen.title('measuring on the held-out set')
  const yardstick = new Yardstick(compare)
  const all = yardstick.examples
  const rounds = history.rounds()
  const adapters = await Promise.all(rounds.map((r) => blob(r.globalDigest)))
  const countOf = (i: number): number => (i === rounds.length - 1 ? all : Math.min(all, options.evalExamples))
  const local = comparison?.local ?? []
  const measured = await yardstick.measure([
    { adapter: null, count: all },
    ...adapters.map((adapter, i) => ({ adapter, count: countOf(i) })),
    ...local.map((l) => ({ adapter: l.values, count: all })),
    ...(comparison === null ? [] : [{ adapter: comparison.pooled, count: all }]),
  ])
  const [base, ...rest] = measured as [(typeof measured)[number], ...typeof measured]
  return {
    base,
    federated: rounds.map((r, i) => ({ round: r.round, examples: countOf(i), ...(rest[i] as (typeof rest)[number]) })),
    local:
      comparison === null
        ? null
        : local.map((l, i) => ({ node: l.node, ...(rest[rounds.length + i] as (typeof rest)[number]) })),
    pooled: comparison === null ? null : (rest.at(-1) ?? null),
    examples: all,
  }
}

/** Each node's private shard goes into its own folder, the probe and the task into the coordinator's. */
async function writeInputs(
  dir: string,
  options: QuickstartOptions,
  shards: Shards,
  spec: ReturnType<typeof quickstartSpec>,
): Promise<void> {
  for (const node of shards.nodes) {
    await mkdir(join(dir, node.name), { recursive: true, mode: 0o700 })
    const lines = node.examples.map((e) => JSON.stringify(e)).join('\n')
    await writeFile(join(dir, node.name, 'private.jsonl'), `${lines}\n`, { mode: 0o600 })
  }
  const home = join(dir, 'coordinator')
  await mkdir(join(home, 'probe'), { recursive: true, mode: 0o700 })
  const slices = probeSlices(shards.probe, options.rounds, options.sliceExamples, options.seed)
  for (const [i, slice] of slices.entries())
    await writeFile(join(home, 'probe', `${String(i + 1).padStart(5, '0')}.jsonl`), encodeSlice(slice), { mode: 0o600 })
  const terms = quickstartTerms(options)
  const plan = { spec, terms: { ...terms, pool: String(terms.pool), minStake: String(terms.minStake) }, probe: 'probe' }
  await writeFile(join(home, 'task.json'), `${JSON.stringify(plan, null, 2)}\n`)
}
