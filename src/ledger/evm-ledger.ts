/**
 * The Ledger on an EVM chain: views in one call each, writes through one queue per key, changes from the indexer.
 *
 * @example
 * const ledger = createEvmLedger({ rpcUrl, addresses: parseDeployment(JSON.parse(text)), signer })
 * await ledger.start()
 */
import { getBytes, hexlify, type Interface, keccak256, MaxUint256, type TransactionReceipt } from 'ethers'
import { CoveyError } from '../base/errors.ts'
import type {
  AccountView,
  Address,
  DelegationView,
  DeltaReveal,
  Hex,
  Ledger,
  NodeRecord,
  OperatorView,
  RoundView,
  Scores,
  TaskParams,
  TaskView,
  TxReceipt,
  UnbondingView,
} from '../types/ledger.ts'
import type { Signer } from '../types/signer.ts'
import type { BindingStatement } from './binding.ts'
import { bindingDigest, bindingTypedData, hexToPeerId, peerIdToHex } from './binding.ts'
import { deltaCommitment, digestToHex, scoresCommitment } from './commitment.ts'
import type { Deployment } from './contracts.ts'
import { checkDeployment, registryInterface, tasksInterface, tokenInterface, vaultInterface } from './contracts.ts'
import { decodeEvent, type LedgerEvent } from './events.ts'
import { createMemoryIndexStore, type IndexedLog, Indexer, type IndexStore } from './indexer.ts'
import { checkTaskParams, highestCommission } from './params.ts'
import { signPermit } from './permit.ts'
import { isRevert } from './revert.ts'
import { Rpc } from './rpc.ts'
import { createMemoryTxJournal, type GasSpent, type TxJournal, TxQueue } from './tx-queue.ts'
import { VaultReader } from './vault-reader.ts'
import { decodeAccount, decodeRound, decodeTask, encodeParams, encodeScores } from './views.ts'

export interface EvmLedgerOptions {
  readonly rpcUrl: string
  readonly addresses: Deployment
  readonly signer: Signer
  /** intents of transactions; in memory unless given */
  readonly journal?: TxJournal
  /** the indexer's state; in memory unless given */
  readonly index?: IndexStore
  /** between two looks at the chain */
  readonly poll_ms?: number
  /** how long a read outlasts a dead RPC */
  readonly patience_ms?: number
  /** wei per gas that is never exceeded */
  readonly maxFeePerGas?: bigint
  /** the chain cannot be followed (an error), or can again (null) */
  readonly onTrouble?: (error: CoveyError | null) => void
}

export interface EvmLedger extends Ledger {
  /** events of our contracts that the indexer has seen, in order of the chain; of one task when given */
  events(task?: number): Promise<readonly LedgerEvent[]>
}

/** Quick enough that a phase is seen to end at once, slow enough for eight nodes on one anvil. */
const DEFAULT_POLL_MS = 200
/** A binding is sent at once; an hour outlasts a busy chain. */
const BINDING_SECONDS = 3_600
/** Between two blocks the chain's clock runs like ours; after this long it is asked again. */
const CLOCK_TRUST_MS = 3_000
/** A write whose transaction was lost (a chain put back, a key used twice) is looked at and sent again. */
const WRITE_ATTEMPTS = 3

/** Whoever acts last in a round pays for its settlement; when a call is estimated, another's may still be on its way before it. */
const MAY_END_A_ROUND: ReadonlySet<string> = new Set(['reveal', 'revealScores', 'advance'])
/** Enough for 32 × 32 seats; what is not used is not paid. */
const SETTLEMENT_GAS = 8_000_000n

const ZERO_ADDRESS = `0x${'0'.repeat(40)}`

/** @throws nothing: `start()` is what meets the chain */
export function createEvmLedger(options: EvmLedgerOptions): EvmLedger {
  return new EthersLedger(options)
}

class EthersLedger implements EvmLedger {
  readonly account: Address
  readonly chainId: number
  readonly #at: Deployment
  readonly #signer: Signer
  readonly #rpc: Rpc
  readonly #queue: TxQueue
  readonly #vault: VaultReader
  readonly #index: IndexStore
  readonly #indexer: Indexer
  readonly #listeners = new Set<(task: number) => void>()
  /** answers for the block that the indexer stands at */
  readonly #cache = new Map<string, Promise<unknown>>()
  /** the chain's clock as it was read for this block, and when */
  #clock: { readonly time: number; readonly read_ms: number } | null = null
  #running = false
  /** permits carry a nonce of their own: one deposit or creation at a time */
  #permitTail: Promise<unknown> = Promise.resolve()

  constructor(options: EvmLedgerOptions) {
    const { addresses, signer, poll_ms = DEFAULT_POLL_MS } = options
    this.account = signer.address
    this.chainId = addresses.chainId
    this.#at = addresses
    this.#signer = signer
    const patience = options.patience_ms === undefined ? {} : { patience_ms: options.patience_ms }
    this.#rpc = new Rpc({ url: options.rpcUrl, chainId: addresses.chainId, ...patience })
    this.#vault = new VaultReader(this.#rpc, addresses.vault)
    this.#queue = new TxQueue({
      rpc: this.#rpc,
      signer,
      journal: options.journal ?? createMemoryTxJournal(),
      poll_ms,
      ...(options.maxFeePerGas === undefined ? {} : { maxFeePerGas: options.maxFeePerGas }),
    })
    this.#index = options.index ?? createMemoryIndexStore()
    this.#indexer = new Indexer({
      rpc: this.#rpc,
      addresses: [addresses.tasks, addresses.vault, addresses.registry],
      from: addresses.block,
      store: this.#index,
      poll_ms,
      onLogs: (added, removed) => this.#changed([...removed, ...added]),
      onHead: () => this.#forget(),
      onTrouble: (error) => {
        this.#forget()
        options.onTrouble?.(error)
      },
    })
  }

  async start(): Promise<void> {
    await checkDeployment(this.#rpc, this.#at)
    this.#running = true
    this.#indexer.start()
    // what an earlier process left in flight; every write waits for it, and meets its error
    this.#queue.recover().catch(() => {})
  }

  async stop(): Promise<void> {
    this.#running = false
    this.#queue.stop()
    this.#rpc.close()
    await this.#indexer.stop()
  }

  /** The clock that the next block will show: an idle chain's latest block may be hours old. */
  async time(): Promise<number> {
    const known = this.#clock
    if (this.#running && known !== null && Date.now() - known.read_ms < CLOCK_TRUST_MS)
      return known.time + Math.floor((Date.now() - known.read_ms) / 1000)
    const block = (await this.#rpc.block('pending')) ?? (await this.#rpc.block('latest'))
    if (block === null) throw new CoveyError('E_RPC', 'the chain RPC has no latest block; check --rpc')
    this.#clock = { time: block.timestamp, read_ms: Date.now() }
    return block.timestamp
  }

  async task(id: number): Promise<TaskView> {
    return this.#cached(`task/${id}`, async () => decodeTask(await this.#view('taskView', [id])))
  }

  async tasks(): Promise<readonly TaskView[]> {
    const count = Number(await this.#view('taskCount', []))
    return Promise.all(Array.from({ length: count }, (_, i) => this.task(i + 1)))
  }

  async round(task: number, round: number): Promise<RoundView> {
    const key = `round/${task}/${round}`
    return this.#cached(key, async () => decodeRound(await this.#view('roundView', [task, round])))
  }

  async accountView(account: Address): Promise<AccountView> {
    return this.#cached(`account/${account}`, async () => {
      const [view, gas] = await Promise.all([this.#view('accountView', [account]), this.#rpc.balance(account)])
      return decodeAccount(view, account, gas)
    })
  }

  async unbondings(account: Address): Promise<readonly UnbondingView[]> {
    return this.#cached(`unbondings/${account}`, () => this.#vault.unbondings(account))
  }

  async delegations(account: Address): Promise<readonly DelegationView[]> {
    return this.#cached(`delegations/${account}`, () => this.#vault.delegations(account))
  }

  async operator(account: Address): Promise<OperatorView> {
    return this.#cached(`operator/${account}`, () => this.#vault.operator(account))
  }

  async operators(): Promise<readonly OperatorView[]> {
    return this.#cached('operators', () => this.#vault.operators())
  }

  async node(account: Address): Promise<NodeRecord | null> {
    return this.#cached(`node/${account}`, async () => (await this.#binding(account)).record)
  }

  async nodeOfPeer(peerId: string): Promise<NodeRecord | null> {
    return this.#cached(`peer/${peerId}`, async () => {
      const [account] = await this.#registry('accountOf', [keccak256(peerIdToHex(peerId))])
      return account === ZERO_ADDRESS ? null : (await this.#binding(account as Address)).record
    })
  }

  async isEnrolled(task: number, account: Address): Promise<boolean> {
    const key = `enrolled/${task}/${account}`
    return this.#cached(key, async () => BigInt(await this.#view('isEnrolled', [task, account])) === 1n)
  }

  onChange(listener: (task: number) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async events(task?: number): Promise<readonly LedgerEvent[]> {
    const events = (await this.#index.logs()).flatMap((log) => decodeEvent(log) ?? [])
    return task === undefined ? events : events.filter((event) => event.task === task)
  }

  gasSpent(): GasSpent {
    return this.#queue.gasSpent()
  }

  async register(peerId: string, signPeer: (digest: Uint8Array) => Promise<Uint8Array>): Promise<TxReceipt | null> {
    const hex = peerIdToHex(peerId)
    const args = async (): Promise<readonly unknown[]> => {
      const [{ nonce: last }, now] = await Promise.all([this.#binding(this.account), this.time()])
      // the clock as nonce: newer than anything before, also after the account moved here from a lost node
      const nonce = last >= BigInt(now) ? last + 1n : BigInt(now)
      const statement: BindingStatement = { peerId, account: this.account, nonce, expiry: now + BINDING_SECONDS }
      const typed = bindingTypedData(BigInt(this.chainId), this.#at.registry, statement)
      const digest = bindingDigest(BigInt(this.chainId), this.#at.registry, statement)
      const [own, peer] = await Promise.all([this.#signer.signTypedData(typed), signPeer(getBytes(digest))])
      if (peer.byteLength !== 64)
        throw new CoveyError('E_KEY', `signPeer: expected an Ed25519 signature of 64 bytes, got ${peer.byteLength}`)
      return [this.account, hex, nonce, statement.expiry, own, hexlify(peer)]
    }
    const stands = async (): Promise<boolean> => (await this.node(this.account))?.peerId === peerId
    return this.#write(this.#at.registry, registryInterface, 'register', args, stands)
  }

  async deposit(amount: bigint): Promise<TxReceipt> {
    return this.#withPermit(async () => {
      const permit = await this.#permit(this.#at.vault, amount)
      if (permit === null) return this.#once(this.#at.vault, vaultInterface, 'deposit', [amount])
      return this.#once(this.#at.vault, vaultInterface, 'depositWithPermit', [amount, ...permit], 'deposit')
    }).then(toReceipt)
  }

  async requestWithdraw(amount: bigint): Promise<TxReceipt> {
    return toReceipt(await this.#once(this.#at.vault, vaultInterface, 'requestWithdraw', [amount]))
  }

  async withdraw(): Promise<TxReceipt> {
    return toReceipt(await this.#once(this.#at.vault, vaultInterface, 'withdraw', []))
  }

  async setCommission(commissionBps: number): Promise<TxReceipt> {
    return toReceipt(await this.#once(this.#at.vault, vaultInterface, 'setCommission', [commissionBps]))
  }

  async closeDelegation(): Promise<TxReceipt> {
    return toReceipt(await this.#once(this.#at.vault, vaultInterface, 'closeDelegation', []))
  }

  async delegate(operator: Address, amount: bigint, mostCommissionBps?: number): Promise<TxReceipt> {
    const most = mostCommissionBps ?? highestCommission(await this.operator(operator))
    return this.#withPermit(async () => {
      const permit = await this.#permit(this.#at.vault, amount)
      const args = [operator, amount, most]
      if (permit === null) return this.#once(this.#at.vault, vaultInterface, 'delegate', args)
      return this.#once(this.#at.vault, vaultInterface, 'delegateWithPermit', [...args, ...permit], 'delegate')
    }).then(toReceipt)
  }

  async undelegate(operator: Address, amount: bigint | null): Promise<TxReceipt> {
    const args = [operator, amount ?? MaxUint256]
    return toReceipt(await this.#once(this.#at.vault, vaultInterface, 'undelegate', args))
  }

  async claimDelegation(operator: Address): Promise<TxReceipt> {
    return toReceipt(await this.#once(this.#at.vault, vaultInterface, 'claimDelegation', [operator]))
  }

  async transfer(to: Address, amount: bigint): Promise<TxReceipt> {
    return toReceipt(await this.#once(this.#at.token, tokenInterface, 'transfer', [to, amount]))
  }

  async createTask(params: TaskParams): Promise<number> {
    checkTaskParams(params)
    const receipt = await this.#withPermit(async () => {
      const permit = await this.#permit(this.#at.tasks, params.pool)
      const struct = encodeParams(params)
      if (permit === null) return this.#once(this.#at.tasks, tasksInterface, 'createTask', [struct])
      return this.#once(this.#at.tasks, tasksInterface, 'createTaskWithPermit', [struct, ...permit], 'createTask')
    })
    for (const log of receipt.logs) {
      const event = log.address === this.#at.tasks ? tasksInterface.parseLog(log) : null
      if (event?.name === 'TaskCreated') return Number(event.args[0])
    }
    throw new CoveyError('E_CONTRACT', `createTask: transaction ${receipt.hash} holds no TaskCreated event`)
  }

  async cancelTask(task: number): Promise<TxReceipt> {
    return toReceipt(await this.#once(this.#at.tasks, tasksInterface, 'cancel', [task]))
  }

  async join(task: number): Promise<TxReceipt | null> {
    return this.#act('join', [task], () => this.isEnrolled(task, this.account))
  }

  async leave(task: number): Promise<TxReceipt | null> {
    return this.#act('leave', [task], async () => !(await this.isEnrolled(task, this.account)))
  }

  async startRound(task: number): Promise<TxReceipt | null> {
    return this.#act('startRound', [task], async () => (await this.task(task)).phase !== 'idle')
  }

  async commit(task: number, round: number, reveal: DeltaReveal): Promise<TxReceipt | null> {
    const commitment = deltaCommitment(task, round, this.account, reveal)
    const stands = async (): Promise<boolean> => (await this.#proposer(task, round))?.commitment === commitment
    return this.#act('commit', [task, round, commitment], stands)
  }

  async reveal(task: number, round: number, reveal: DeltaReveal): Promise<TxReceipt | null> {
    const commitment = deltaCommitment(task, round, this.account, reveal)
    const { size, salt } = reveal
    const digests = [digestToHex(reveal.digest), digestToHex(reveal.baseDigest, 'baseDigest')]
    return this.#act('reveal', [task, round, digests[0], size, digests[1], salt], async () => {
      const seat = await this.#proposer(task, round)
      return seat?.reveal != null && seat.commitment === commitment
    })
  }

  async revealProbe(
    task: number,
    round: number,
    slice: { digest: string; size: number; proof: readonly Hex[] },
  ): Promise<TxReceipt | null> {
    const args = [task, round, digestToHex(slice.digest), slice.size, slice.proof]
    return this.#act('revealProbe', args, async () => {
      const { probe } = await this.round(task, round)
      return probe?.digest === slice.digest && probe.size === slice.size
    })
  }

  async commitScores(task: number, round: number, scores: Scores, salt: Hex): Promise<TxReceipt | null> {
    const commitment = scoresCommitment(task, round, this.account, scores, salt)
    const stands = async (): Promise<boolean> => (await this.#voter(task, round))?.commitment === commitment
    return this.#act('commitScores', [task, round, commitment], stands)
  }

  async revealScores(task: number, round: number, scores: Scores, salt: Hex): Promise<TxReceipt | null> {
    const commitment = scoresCommitment(task, round, this.account, scores, salt)
    return this.#act('revealScores', [task, round, encodeScores(scores), salt], async () => {
      const seat = await this.#voter(task, round)
      return seat?.scores != null && seat.commitment === commitment
    })
  }

  async advance(task: number): Promise<TxReceipt | null> {
    const before = await this.task(task)
    return this.#act('advance', [task], async () => {
      const { phase, round, deadline } = await this.task(task)
      // somebody else ended it
      return phase === 'idle' || round !== before.round || phase !== before.phase || deadline !== before.deadline
    })
  }

  async claim(): Promise<TxReceipt | null> {
    return this.#act('claim', [], async () => (await this.accountView(this.account)).claimable === 0n)
  }

  // ---- inside

  #forget(): void {
    this.#cache.clear()
    this.#clock = null
  }

  async #proposer(task: number, round: number): Promise<RoundView['proposers'][number] | undefined> {
    return (await this.round(task, round)).proposers.find((seat) => seat.account === this.account)
  }

  async #voter(task: number, round: number): Promise<RoundView['voters'][number] | undefined> {
    return (await this.round(task, round)).voters.find((seat) => seat.account === this.account)
  }

  async #binding(account: Address): Promise<{ record: NodeRecord | null; nonce: bigint }> {
    const [raw] = (await this.#registry('nodeOf', [account])) as [
      { peerId: Hex; peerSignature: Hex; bindingDigest: Hex; nonce: bigint },
    ]
    const peerId = hexToPeerId(raw.peerId)
    const { peerSignature, bindingDigest: digest, nonce } = raw
    return { record: peerId === null ? null : { account, peerId, peerSignature, bindingDigest: digest }, nonce }
  }

  async #registry(name: string, args: readonly unknown[]): Promise<readonly unknown[]> {
    const data = registryInterface.encodeFunctionData(name, args) as Hex
    return registryInterface.decodeFunctionResult(name, await this.#rpc.call({ to: this.#at.registry, data, name }))
  }

  async #view(name: string, args: readonly unknown[]): Promise<Hex> {
    return this.#rpc.call({ to: this.#at.tasks, data: tasksInterface.encodeFunctionData(name, args) as Hex, name })
  }

  /** While the indexer runs, one call per view and block: `#cache` is emptied with each new head and each own receipt. */
  async #cached<T>(key: string, read: () => Promise<T>): Promise<T> {
    if (!this.#running) return read()
    const known = this.#cache.get(key) as Promise<T> | undefined
    if (known !== undefined) return known
    const answer = read()
    this.#cache.set(key, answer)
    answer.catch(() => {
      if (this.#cache.get(key) === answer) this.#cache.delete(key)
    })
    return answer
  }

  #act(name: string, args: readonly unknown[], stands: () => Promise<boolean>): Promise<TxReceipt | null> {
    return this.#write(this.#at.tasks, tasksInterface, name, async () => args, stands)
  }

  /** A write that is done once: looked for before it is sent, and again when it is refused or lost. */
  async #write(
    to: Address,
    iface: Interface,
    name: string,
    args: () => Promise<readonly unknown[]>,
    stands: () => Promise<boolean>,
  ): Promise<TxReceipt | null> {
    // first: what an earlier process sent may be this very write
    await this.#queue.recover()
    for (let attempt = 1; ; attempt++) {
      if (await stands()) return null
      try {
        return toReceipt(await this.#once(to, iface, name, await args()))
      } catch (error) {
        const lost = error instanceof CoveyError && error.data.lost === true
        if (!lost && !isRevert(error)) throw error
        this.#forget()
        if (await stands()) return null
        if (!lost || attempt === WRITE_ATTEMPTS) throw error
      }
    }
  }

  async #once(
    to: Address,
    iface: Interface,
    method: string,
    args: readonly unknown[],
    name = method,
  ): Promise<TransactionReceipt> {
    try {
      const extraGas = MAY_END_A_ROUND.has(method) ? SETTLEMENT_GAS : 0n
      return await this.#queue.send({ to, data: encode(iface, method, args), name, extraGas })
    } finally {
      this.#forget()
    }
  }

  async #permit(spender: Address, amount: bigint): ReturnType<typeof signPermit> {
    return signPermit(this.#rpc, this.#signer, this.#at.token, spender, amount, await this.time())
  }

  #withPermit<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#permitTail.then(work)
    this.#permitTail = turn.catch(() => {})
    return turn
  }

  #changed(logs: readonly IndexedLog[]): void {
    this.#forget()
    const tasks = new Set(logs.flatMap((log) => decodeEvent(log)?.task ?? []))
    for (const task of tasks)
      queueMicrotask(() => {
        if (this.#running) for (const listener of this.#listeners) listener(task)
      })
  }
}

/** @throws CoveyError E_ARGUMENT when an argument does not fit its Solidity type */
function encode(iface: Interface, method: string, args: readonly unknown[]): Hex {
  try {
    return iface.encodeFunctionData(method, args) as Hex
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CoveyError('E_ARGUMENT', `${method}: an argument does not fit: ${why}`, {}, { cause })
  }
}

function toReceipt(receipt: TransactionReceipt): TxReceipt {
  return { hash: receipt.hash as Hex, block: receipt.blockNumber, gasUsed: receipt.gasUsed }
}
