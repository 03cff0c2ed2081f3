/**
 * A whole network in one process: real nodes and a real coordinator on the in-memory twins of every seam. Time is a fake
 * clock that jumps to the next sleeper when nothing else can run, so an hour of rounds takes seconds and every run is the same.
 */
import { createCoordinator } from '../../coordinator/create-coordinator.ts'
import type { TaskTerms } from '../../coordinator/create-task.ts'
import type { NodeComponents, PrivateData } from '../../node/context.ts'
import { type CoveyNode, createNode } from '../../node/create-node.ts'
import type { NodeEvent } from '../../node/events.ts'
import type { Tamper, VoteTamper } from '../../node/misbehave.ts'
import type { PrivacyFloor } from '../../node/privacy/floor.ts'
import { CoveyError } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import { encodeSlice, type Probe, probeFromBytes } from '../../src/data/slices.ts'
import { tokenizeExamples } from '../../src/data/tokenize.ts'
import { createMemoryChain, type MemoryChainHandle } from '../../src/ledger/memory/ledger.ts'
import { createRandomModel } from '../../src/model/random.ts'
import { createMemoryDisk, createMemoryStore, type MemoryDisk } from '../../src/store/memory-store.ts'
import { createMemoryTransport, MemoryHub } from '../../src/transport/memory-transport.ts'
import { type PeerKey, peerKeyFromSeed } from '../../src/transport/peer-key.ts'
import type { Example, Tokenizer } from '../../src/types/data.ts'
import type { TrainingEngine } from '../../src/types/engine.ts'
import type { Address, Ledger, RoundView } from '../../src/types/ledger.ts'
import type { TaskSpec } from '../../src/types/spec.ts'
import type { Store } from '../../src/types/store.ts'
import { FakeClock } from './fake-clock.ts'
import { tinyConfig, tinyLora } from './tiny-config.ts'
import { createToyInference, createToyTraining, TOY_CLASSES } from './toy-engine.ts'

const TOKEN = 10n ** 18n
const STAKE = 100n * TOKEN
const WALLET = 1_000n * TOKEN
/** Longer than any task of a simulation: a network that stands still fails instead of running for ever, fake seconds. */
const LONGEST_SECONDS = 7_200
/** 1-based so that no id is an address of the EVM's precompiles */
const FIRST_ACCOUNT = 0x1000

/** What every simulated node trains. */
export const simulationModel = createRandomModel(tinyConfig, 1)

/** One token a letter; class = id modulo TOY_CLASSES. */
export const letterTokenizer: Tokenizer = {
  vocabSize: tinyConfig.vocabSize,
  bosId: null,
  eosId: 0,
  encode: (text) => [...text].map((c) => 8 + (c.charCodeAt(0) - 97)),
  decode: (ids) => ids.map((id) => String.fromCharCode(97 + id - 8)).join(''),
  chat: (messages) => messages.map((m) => m.content).join(''),
}

/** What every node's text has in common, so that learning it helps everybody: after class c comes 3c+1, mostly. */
export function toyExamples(seed: string, count: number): Example[] {
  const random = seededRandom(seed)
  const letter = (c: number): string => String.fromCharCode(97 + c)
  return Array.from({ length: count }, () => {
    let c = random.int(TOY_CLASSES)
    const prompt = letter(c)
    let completion = ''
    for (let i = 0; i < 6; i++) {
      c = random.next() < 0.85 ? (3 * c + 1) % TOY_CLASSES : random.int(TOY_CLASSES)
      completion += letter(c)
    }
    return { prompt, completion, partition: seed }
  })
}

export function toySpec(change: Partial<TaskSpec> = {}): TaskSpec {
  return {
    version: 1,
    name: 'toy',
    model: { name: simulationModel.name, digest: simulationModel.digest },
    adapter: { ...tinyLora, targets: ['q_proj'] },
    training: {
      steps: 5,
      batchExamples: 8,
      maxTokens: 16,
      learningRate: 0.05,
      warmupSteps: 0,
      schedule: 'constant',
      weightDecay: 0,
      clipNorm: 1,
    },
    aggregation: { rule: 'frozen-a', outerRate: 1, outerMomentum: 0 },
    encoding: 'int8',
    privacy: { mode: 'open' },
    scoring: { sliceExamples: 16, privateExamples: 8 },
    data: { prompt: null, completion: null },
    ...change,
  }
}

export function toyTerms(change: Partial<TaskTerms> = {}): TaskTerms {
  return {
    pool: 100n * TOKEN,
    rounds: 5,
    proposers: 6,
    voters: 3,
    minStake: TOKEN,
    seconds: { train: 120, reveal: 60, probe: 30, score: 90, tally: 60 },
    rules: {
      excludeBelow: 20,
      excludeSpreadBps: 2_500,
      slashBelow: 200,
      slashSpreadBps: 6_000,
      vetoBelow: 10_000,
      tolerance: 50,
      voterBps: 2_500,
      equalBps: 2_000,
      slashBps: 3_000,
      faultBps: 100,
    },
    ...change,
  }
}

/** What is odd about one node; nothing by default. */
interface NodeTraits {
  readonly tamper?: Tamper
  readonly tamperVotes?: VoteTamper
  /** announces its blobs but serves none */
  readonly neverServes?: boolean
  /** instead of the toy engine */
  readonly training?: TrainingEngine
  readonly privacy?: PrivacyFloor
  readonly maxRank?: number
}

export interface SimulationOptions {
  readonly seed: string
  readonly nodes: number
  readonly terms?: Partial<TaskTerms>
  readonly spec?: Partial<TaskSpec>
  readonly probe?: boolean
  readonly traits?: (index: number, clock: FakeClock) => NodeTraits
  /** slices as their owner publishes them, instead of good ones */
  readonly slices?: readonly Uint8Array[]
  /** every event of every node, while it happens; the coordinator is `null` */
  readonly onEvent?: (event: NodeEvent, node: SimulatedPeer | null) => void
}

/** A participant that can be killed and started again on the same disk, with the same keys. */
export class SimulatedPeer {
  readonly account: Address
  readonly disk: MemoryDisk = createMemoryDisk()
  readonly events: NodeEvent[] = []
  /** fake milliseconds at which each of `events` came */
  readonly times: number[] = []
  /** writes that reached the chain, by name: `commit 3` */
  readonly writes: string[] = []
  node: CoveyNode | null = null
  readonly #simulation: Simulation
  readonly #key: PeerKey
  readonly #index: number
  readonly #traits: NodeTraits
  #lives = 0
  #stopTransport: () => Promise<void> = async () => undefined

  constructor(simulation: Simulation, index: number, key: PeerKey, traits: NodeTraits) {
    this.#simulation = simulation
    this.#index = index
    this.#key = key
    this.#traits = traits
    this.account = simulation.accountOf(index + 1)
  }

  async start(task: number): Promise<void> {
    const life = ++this.#lives
    const { clock, chain, hub, options } = this.#simulation
    const store = createMemoryStore(this.disk)
    const transport = createMemoryTransport({ hub, privateKey: this.#key })
    await transport.start()
    this.#stopTransport = () => transport.stop()
    if (this.#traits.neverServes) transport.serveBlobs = () => undefined
    const ledger = chain.ledger(this.account)
    await ledger.start()
    const salts = seededRandom(`salt ${options.seed} ${this.#index} ${life}`)
    const components: NodeComponents = {
      clock,
      store,
      ledger: mortal(ledger, () => this.#lives === life, this.writes),
      transport,
      training: this.#traits.training ?? createToyTraining(),
      inference: createToyInference(),
      tokenizer: letterTokenizer,
      model: simulationModel,
      emit: (event) => {
        if (this.#lives !== life) return
        this.events.push(event)
        this.times.push(clock.now())
        options.onEvent?.(event, this)
      },
      randomBytes: (length) => Uint8Array.from({ length }, () => salts.int(256)),
    }
    this.node = createNode(components, {
      task,
      duties: { participate: true, keep: false },
      threads: 1,
      loadData: async (spec) => this.#data(spec),
      created: null,
      tamper: this.#traits.tamper ?? null,
      tamperVotes: this.#traits.tamperVotes ?? null,
      ...(this.#traits.privacy && { privacy: this.#traits.privacy }),
      maxRank: this.#traits.maxRank ?? null,
    })
  }

  #data(spec: TaskSpec): PrivateData {
    const tokens = (seed: string, count: number) =>
      tokenizeExamples(toyExamples(seed, count), letterTokenizer, spec.training.maxTokens).tokenized
    const name = `${this.#simulation.options.seed} ${this.#index}`
    return { train: tokens(`train ${name}`, 40), heldOut: tokens(`held ${name}`, 8) }
  }

  /** As a power cut: from this moment nothing of this life reaches the disk, the chain or the network. */
  kill(): void {
    this.#lives++
    this.disk.user = null
    void this.#stopTransport()
    void this.node?.stop()
    this.node = null
  }

  /** what is on its disk; the node must have ended */
  openDisk(): Store {
    this.disk.user = null
    return createMemoryStore(this.disk)
  }

  /** digest of the global adapter after each round that this node aggregated */
  get globals(): ReadonlyMap<number, string> {
    return new Map(this.events.flatMap((e) => (e.event === 'aggregated' ? [[e.round, e.digest] as const] : [])))
  }
}

/** A ledger that is dead when its process is, and notes what it wrote. */
function mortal(ledger: Ledger, lives: () => boolean, writes: string[]): Ledger {
  const noted = new Set(['commit', 'reveal', 'commitScores', 'revealScores'])
  return new Proxy(ledger, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        if (name === 'onChange' || name === 'gasSpent') return value.apply(target, args)
        if (!lives()) return Promise.reject(new CoveyError('E_RPC', 'the process is gone'))
        const result: unknown = value.apply(target, args)
        if (noted.has(String(name))) {
          void (result as Promise<unknown>).then(
            (receipt) => receipt !== null && writes.push(`${String(name)} ${String(args[1])}`),
            () => undefined,
          )
        }
        return result
      }
    },
  })
}

export class Simulation {
  readonly clock = new FakeClock()
  readonly #began = this.clock.now()
  readonly hub = new MemoryHub()
  readonly options: SimulationOptions
  readonly chain: MemoryChainHandle
  readonly peers: SimulatedPeer[] = []
  readonly probe: Probe | null
  readonly minted: bigint
  task = 0
  coordinator: CoveyNode | null = null
  #stopCoordinator: () => Promise<void> = async () => undefined

  private constructor(options: SimulationOptions) {
    this.options = options
    this.chain = createMemoryChain({ clock: this.clock, seed: options.seed })
    this.minted = WALLET * BigInt(options.nodes + 1)
    const rounds = toyTerms(options.terms).rounds
    const slices =
      options.slices ?? Array.from({ length: rounds }, (_, r) => encodeSlice(toyExamples(`probe ${r}`, 16)))
    this.probe = options.probe === false ? null : probeFromBytes(slices)
  }

  /** The coordinator and all nodes, funded, staked and started. */
  static async open(options: SimulationOptions): Promise<Simulation> {
    const simulation = new Simulation(options)
    await simulation.#open()
    return simulation
  }

  accountOf(n: number): Address {
    return this.chain.ledger(`0x${(FIRST_ACCOUNT + n).toString(16).padStart(40, '0')}`).account
  }

  async #open(): Promise<void> {
    const { nodes, seed, traits } = this.options
    const keys = await Promise.all(
      Array.from({ length: nodes + 1 }, (_, i) =>
        peerKeyFromSeed(Uint8Array.from({ length: 32 }, (_, b) => (b === 0 ? i + 1 : b === 1 ? 7 : 0))),
      ),
    )
    for (const [i, key] of keys.entries()) {
      const ledger = this.chain.ledger(this.accountOf(i))
      this.chain.mint(ledger.account, WALLET)
      const transport = createMemoryTransport({ hub: this.hub, privateKey: key })
      // signing uses threads; done here, so that the nodes' own calls come in the same order in every run
      await ledger.register(transport.peerId, (digest) => transport.sign(digest))
      if (i > 0) await ledger.deposit(STAKE)
    }
    const transport = createMemoryTransport({ hub: this.hub, privateKey: keys[0] as PeerKey })
    await transport.start()
    const ledger = this.chain.ledger(this.accountOf(0))
    await ledger.start()
    const salts = seededRandom(`salt ${seed} coordinator`)
    const { task, node } = await createCoordinator(
      {
        clock: this.clock,
        store: createMemoryStore(),
        ledger,
        transport,
        training: createToyTraining(),
        inference: createToyInference(),
        tokenizer: letterTokenizer,
        model: simulationModel,
        emit: (event) => this.options.onEvent?.(event, null),
        randomBytes: (length) => Uint8Array.from({ length }, () => salts.int(256)),
      },
      { spec: toySpec(this.options.spec), terms: toyTerms(this.options.terms), probe: this.probe },
    )
    this.task = task
    this.coordinator = node
    this.#stopCoordinator = async () => {
      await Promise.all([transport.stop(), node.stop()])
    }
    for (let i = 0; i < nodes; i++) {
      const peer = new SimulatedPeer(this, i, keys[i + 1] as PeerKey, traits?.(i, this.clock) ?? {})
      this.peers.push(peer)
      await peer.start(task)
    }
  }

  /** The coordinator is gone, without a word. */
  async loseCoordinator(): Promise<void> {
    await this.#stopCoordinator()
    this.coordinator = null
  }

  /** Moves time until the condition holds. @throws when it does not within LONGEST_SECONDS of fake time */
  async until(condition: () => boolean, what: string): Promise<void> {
    const limit = this.clock.now() + LONGEST_SECONDS * 1000
    while (!condition()) {
      if (!(await this.clock.advanceToNext())) throw new Error(`${what}: nobody waits for anything any more`)
      if (this.clock.now() > limit) throw new Error(`${what}: not within ${LONGEST_SECONDS} s; ${this.describe()}`)
    }
  }

  /** Until every node that lives has finished; a node that cannot take part fails the simulation. */
  async finish(): Promise<void> {
    const nodes = [
      ...this.peers.flatMap((p) => (p.node === null ? [] : [p.node])),
      ...(this.coordinator === null ? [] : [this.coordinator]),
    ]
    let left = nodes.length
    let failure: unknown
    for (const node of nodes) {
      node.finished.then(
        () => left--,
        (error: unknown) => {
          failure = error
          left = 0
        },
      )
    }
    await this.until(() => left <= 0, 'the task')
    if (failure !== undefined) throw failure
  }

  async close(): Promise<void> {
    await Promise.all([this.loseCoordinator(), ...this.peers.map((p) => p.node?.stop())])
  }

  get elapsedSeconds(): number {
    return (this.clock.now() - this.#began) / 1000
  }

  /** every token that exists: wallets, stakes, claims, the pool, and what was burnt */
  tokens(): bigint {
    const { chain } = this.chain
    const accounts = Array.from({ length: this.options.nodes + 1 }, (_, i) => chain.accountView(this.accountOf(i)))
    const held = accounts.reduce((sum, a) => sum + a.wallet + a.stake + a.unbonding + a.claimable + a.slashed, 0n)
    return held + chain.task(this.task).poolLeft
  }

  describe(): string {
    const { status, round, phase, enrolled } = this.chain.chain.task(this.task)
    const problems = this.peers.flatMap((p) =>
      p.events.flatMap((e) => (e.event === 'problem' ? [`${e.doing}: ${e.message}`] : [])),
    )
    return `task ${status}, round ${round}, ${phase}, ${enrolled} enrolled; problems: ${problems.slice(-5).join(' | ')}`
  }
}

/** To its end, which it is closed at whatever happens. @param meanwhile what is done to it as it runs */
export async function runSimulation(
  options: SimulationOptions,
  meanwhile: (s: Simulation) => Promise<void> = async () => undefined,
): Promise<Simulation> {
  const simulation = await Simulation.open(options)
  try {
    await meanwhile(simulation)
    await simulation.finish()
    return simulation
  } finally {
    await simulation.close()
  }
}

export function roundsOf({ chain, task }: Simulation): RoundView[] {
  const { round } = chain.chain.task(task)
  return Array.from({ length: round }, (_, i) => chain.chain.round(task, i + 1))
}
