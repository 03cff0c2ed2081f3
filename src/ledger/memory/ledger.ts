/**
 * The in-memory twin of the chain: `createMemoryChain(...)` is the chain, `chain.ledger(account)` what one account sees.
 *
 * @example
 * const chain = createMemoryChain({ clock, seed: 'test' })
 * chain.mint(alice, 10n ** 20n)
 * const ledger = chain.ledger(alice)
 */
import { getAddress, getBytes, hexlify } from 'ethers'
import { CoveyError } from '../../base/errors.ts'
import { hasRevealed, hasScored } from '../../round/seats.ts'
import type { ArenaLedger } from '../../types/arena.ts'
import type {
  AccountView,
  Address,
  DelegationView,
  DeltaReveal,
  Hex,
  Ledger,
  NodeMetadata,
  NodeRecord,
  OperatorView,
  RoundView,
  Scores,
  TaskParams,
  TaskView,
  TxReceipt,
  UnbondingView,
} from '../../types/ledger.ts'
import { bindingDigest } from '../abi/binding.ts'
import { deltaCommitment, scoresCommitment } from '../abi/commitment.ts'
import { highestCommission, sameMetadata } from '../abi/params.ts'
import { memoryArenaLedger } from './arena-ledger.ts'
import type { MemoryChainOptions } from './chain.ts'
import { MemoryChain } from './chain.ts'

/** Stands for the registry's address in bindings of the in-memory chain. */
const MEMORY_REGISTRY: Address = '0x000000000000000000000000000000000000c0Fe'
const BINDING_SECONDS = 3600

export interface MemoryChainHandle {
  readonly chain: MemoryChain
  /** tokens from nowhere, wei */
  mint(account: Address, amount: bigint): void
  ledger(account: Address): Ledger
  arenas(account: Address): ArenaLedger
}

/** One chain for many accounts. Deterministic: same seed, clock and order of calls, same state. */
export function createMemoryChain(options: MemoryChainOptions): MemoryChainHandle {
  const chain = new MemoryChain(options)
  return {
    chain,
    mint: (account, amount) => chain.mint(getAddress(account) as Address, amount),
    ledger: (account) => new MemoryLedger(chain, getAddress(account) as Address),
    arenas: (account) => memoryArenaLedger(chain, getAddress(account) as Address),
  }
}

class MemoryLedger implements Ledger {
  readonly account: Address
  readonly chainId: number
  readonly #chain: MemoryChain
  readonly #listeners = new Set<(task: number) => void>()
  readonly #calls: Record<string, { readonly calls: number; readonly gas: bigint }> = {}
  #unwatch: (() => void) | null = null

  constructor(chain: MemoryChain, account: Address) {
    this.#chain = chain
    this.account = account
    this.chainId = chain.chainId
  }

  async start(): Promise<void> {
    this.#unwatch ??= this.#chain.watch((task) => {
      // a microtask later, so that no listener runs inside another account's transaction
      queueMicrotask(() => {
        if (this.#unwatch !== null) for (const listener of this.#listeners) listener(task)
      })
    })
  }

  async stop(): Promise<void> {
    this.#unwatch?.()
    this.#unwatch = null
  }

  async time(): Promise<number> {
    return this.#chain.time()
  }

  async task(id: number): Promise<TaskView> {
    return this.#chain.task(id)
  }

  async tasks(): Promise<readonly TaskView[]> {
    return Array.from({ length: this.#chain.taskCount() }, (_, i) => this.#chain.task(i + 1))
  }

  async round(task: number, round: number): Promise<RoundView> {
    return this.#chain.round(task, round)
  }

  async accountView(account: Address): Promise<AccountView> {
    return this.#chain.accountView(account)
  }

  async unbondings(account: Address): Promise<readonly UnbondingView[]> {
    return [...this.#chain.unbondings(account)].sort((a, b) => a.unbondsAt - b.unbondsAt)
  }

  async delegations(account: Address): Promise<readonly DelegationView[]> {
    return this.#chain.delegations(account)
  }

  async operator(account: Address): Promise<OperatorView> {
    return this.#chain.operator(account)
  }

  async operators(): Promise<readonly OperatorView[]> {
    return this.#chain.operators()
  }

  async node(account: Address): Promise<NodeRecord | null> {
    return this.#chain.registry.node(account)
  }

  async nodeOfPeer(peerId: string): Promise<NodeRecord | null> {
    return this.#chain.registry.nodeOfPeer(peerId)
  }

  async metadata(account: Address): Promise<NodeMetadata> {
    return this.#chain.registry.metadata(account)
  }

  async isEnrolled(task: number, account: Address): Promise<boolean> {
    return this.#chain.isEnrolled(task, account)
  }

  onChange(listener: (task: number) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  gasSpent(): Readonly<Record<string, { readonly calls: number; readonly gas: bigint }>> {
    return structuredClone(this.#calls)
  }

  async register(peerId: string, signPeer: (digest: Uint8Array) => Promise<Uint8Array>): Promise<TxReceipt | null> {
    if (this.#chain.registry.node(this.account)?.peerId === peerId) return null
    const statement = {
      peerId,
      account: this.account,
      nonce: BigInt(this.#chain.time()),
      expiry: this.#chain.time() + BINDING_SECONDS,
    }
    const digest = bindingDigest(BigInt(this.chainId), MEMORY_REGISTRY, statement)
    const signature = await signPeer(getBytes(digest))
    if (signature.byteLength !== 64)
      throw new CoveyError('E_KEY', `signPeer: expected an Ed25519 signature of 64 bytes, got ${signature.byteLength}`)
    const record = { account: this.account, peerId, peerSignature: hexlify(signature) as Hex, bindingDigest: digest }
    return this.#count('register', () => this.#chain.register(record))
  }

  async setMetadata(metadata: NodeMetadata): Promise<TxReceipt | null> {
    if (sameMetadata(metadata, this.#chain.registry.metadata(this.account))) return null
    return this.#count('setMetadata', () => this.#chain.setMetadata(this.account, metadata))
  }

  async exit(): Promise<TxReceipt | null> {
    if (this.#chain.registry.node(this.account) === null) return null
    return this.#count('exit', () => this.#chain.exit(this.account))
  }

  async deposit(amount: bigint): Promise<TxReceipt> {
    return this.#count('deposit', () => this.#chain.deposit(this.account, amount))
  }

  async requestWithdraw(amount: bigint): Promise<TxReceipt> {
    return this.#count('requestWithdraw', () => this.#chain.requestWithdraw(this.account, amount))
  }

  async withdraw(): Promise<TxReceipt> {
    return this.#count('withdraw', () => this.#chain.withdraw(this.account))
  }

  async setCommission(commissionBps: number): Promise<TxReceipt> {
    return this.#count('setCommission', () => this.#chain.setCommission(this.account, commissionBps))
  }

  async closeDelegation(): Promise<TxReceipt> {
    return this.#count('closeDelegation', () => this.#chain.closeDelegation(this.account))
  }

  async delegate(operator: Address, amount: bigint, mostCommissionBps?: number): Promise<TxReceipt> {
    const most = mostCommissionBps ?? highestCommission(this.#chain.operator(operator))
    return this.#count('delegate', () => this.#chain.delegate(this.account, operator, amount, most))
  }

  async undelegate(operator: Address, amount: bigint | null): Promise<TxReceipt> {
    return this.#count('undelegate', () => this.#chain.undelegate(this.account, operator, amount))
  }

  async claimDelegation(operator: Address): Promise<TxReceipt> {
    return this.#count('claimDelegation', () => this.#chain.claimDelegation(this.account, operator))
  }

  async transfer(to: Address, amount: bigint): Promise<TxReceipt> {
    return this.#count('transfer', () => this.#chain.transfer(this.account, to, amount))
  }

  async createTask(params: TaskParams): Promise<number> {
    return this.#count('createTask', () => this.#chain.createTask(this.account, params))
  }

  async fundTask(task: number, amount: bigint): Promise<TxReceipt> {
    return this.#count('fund', () => this.#chain.fund(this.account, task, amount))
  }

  async cancelTask(task: number): Promise<TxReceipt> {
    return this.#count('cancel', () => this.#chain.cancel(this.account, task))
  }

  async join(task: number): Promise<TxReceipt | null> {
    if (this.#chain.isEnrolled(task, this.account)) return null
    return this.#count('join', () => this.#chain.join(this.account, task))
  }

  async leave(task: number): Promise<TxReceipt | null> {
    if (!this.#chain.isEnrolled(task, this.account)) return null
    return this.#count('leave', () => this.#chain.leave(this.account, task))
  }

  async startRound(task: number): Promise<TxReceipt | null> {
    if (this.#chain.task(task).phase !== 'idle') return null
    return this.#count('startRound', () => this.#chain.startRound(task))
  }

  async commit(task: number, round: number, reveal: DeltaReveal): Promise<TxReceipt | null> {
    const commitment = deltaCommitment(task, round, this.account, reveal)
    const seat = this.#seat(task, round, 'proposers')
    if (seat?.commitment === commitment || hasRevealed(seat, reveal)) return null
    return this.#count('commit', () => this.#chain.commit(this.account, task, round, commitment))
  }

  async reveal(task: number, round: number, reveal: DeltaReveal): Promise<TxReceipt | null> {
    if (hasRevealed(this.#seat(task, round, 'proposers'), reveal)) return null
    return this.#count('reveal', () => this.#chain.reveal(this.account, task, round, reveal))
  }

  async revealProbe(
    task: number,
    round: number,
    slice: { digest: string; size: number; proof: readonly Hex[] },
  ): Promise<TxReceipt | null> {
    const stands = this.#round(task, round)?.probe
    if (stands?.digest === slice.digest && stands.size === slice.size) return null
    return this.#count('revealProbe', () => this.#chain.revealProbe(this.account, task, round, slice))
  }

  async commitScores(task: number, round: number, scores: Scores, salt: Hex): Promise<TxReceipt | null> {
    const commitment = scoresCommitment(task, round, this.account, scores, salt)
    const seat = this.#seat(task, round, 'voters')
    if (seat?.commitment === commitment || hasScored(seat, scores)) return null
    return this.#count('commitScores', () => this.#chain.commitScores(this.account, task, round, commitment))
  }

  async revealScores(task: number, round: number, scores: Scores, salt: Hex): Promise<TxReceipt | null> {
    if (hasScored(this.#seat(task, round, 'voters'), scores)) return null
    return this.#count('revealScores', () => this.#chain.revealScores(this.account, task, round, scores, salt))
  }

  async advance(task: number): Promise<TxReceipt | null> {
    if (this.#chain.task(task).phase === 'idle') return null
    return this.#count('advance', () => this.#chain.advance(this.account, task))
  }

  async claim(): Promise<TxReceipt | null> {
    if (this.#chain.accountView(this.account).claimable === 0n) return null
    return this.#count('claim', () => this.#chain.claim(this.account))
  }

  #round(task: number, round: number): RoundView | null {
    return round >= 1 && round <= this.#chain.task(task).round ? this.#chain.round(task, round) : null
  }

  #seat<K extends 'proposers' | 'voters'>(task: number, round: number, kind: K): RoundView[K][number] | undefined {
    return this.#round(task, round)?.[kind].find((seat) => seat.account === this.account)
  }

  #count<T>(name: string, call: () => T): T {
    const result = call()
    this.#calls[name] = { calls: (this.#calls[name]?.calls ?? 0) + 1, gas: 0n }
    return result
  }
}
