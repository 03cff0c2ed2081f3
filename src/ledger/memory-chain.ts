/**
 * The contracts' rules in memory: one chain that many accounts share, for tests and simulations. Same phases, seats,
 * checks and settlement as contracts/CoveyTasks.sol; blocks are calls, gas costs nothing. The same seed, clock and
 * calls give the same state.
 */
import { hexlify, keccak256, toUtf8Bytes } from 'ethers'
import { merkleLeaf, merkleRootOf } from '../data/merkle.ts'
import { packScores, unpackScores } from '../round/packed-scores.ts'
import { creatorsPart, keeperFee, roundBudget, settle } from '../round/settlement.ts'
import type { Clock } from '../types/clock.ts'
import type {
  AccountView,
  Address,
  DelegationView,
  DeltaReveal,
  Hex,
  NodeMetadata,
  NodeRecord,
  OperatorView,
  Phase,
  ProposerSeat,
  RoundView,
  Scores,
  TaskParams,
  TaskView,
  TxReceipt,
  UnbondingView,
  VoterSeat,
} from '../types/ledger.ts'
import { PHASES } from '../types/ledger.ts'
import { deltaCommitment, digestToHex, scoresCommitment } from './commitment.ts'
import type { History, HistoryEvent } from './history/events.ts'
import { HistoryLog, memoryTransaction } from './history/log.ts'
import { MemoryArenas } from './memory-arena.ts'
import { MemoryRegistry } from './memory-registry.ts'
import type { MutableAccount, MutableRound, MutableTask } from './memory-round.ts'
import { checkOpening, drawSeats, findSeat, isOpen, nextPhase, viewRound, viewTask } from './memory-round.ts'
import { MemoryVault } from './memory-vault.ts'
import { checkTaskParams } from './params.ts'
import { revert } from './revert.ts'

/** As the contract: an account may wait for seats in this many tasks at once. */
export const MAX_ENROLMENTS = 8

export interface MemoryChainOptions {
  readonly clock: Clock
  /** every random draw follows from it */
  readonly seed?: string
  readonly chainId?: number
  /** how long requested stake stays slashable, seconds */
  readonly unbondingSeconds?: number
}

const ZERO_BYTES32: Hex = `0x${'0'.repeat(64)}`
/** Weights are whole gwei, as in the contract's sum tree. */
const GWEI = 1_000_000_000n

/** Longer than any round that a test runs: the contract refuses a task whose round is longer. */
const DEFAULT_UNBONDING_SECONDS = 86_400
/** As the contract: idle this long, a task has lost its nodes and its creator may have the pool back. */
const CANCEL_AFTER_SECONDS = 7 * 86_400

export class MemoryChain {
  readonly chainId: number
  readonly arenas: MemoryArenas
  readonly #clock: Clock
  readonly registry = new MemoryRegistry()
  readonly #vault: MemoryVault
  readonly #accounts = new Map<Address, MutableAccount>()
  readonly #tasks: MutableTask[] = []
  readonly #watchers = new Set<(task: number) => void>()
  readonly #log: HistoryLog
  #random: Hex
  #block = 0

  constructor(options: MemoryChainOptions) {
    this.#clock = options.clock
    this.chainId = options.chainId ?? 31_337
    this.#vault = new MemoryVault(options.unbondingSeconds ?? DEFAULT_UNBONDING_SECONDS)
    this.#log = new HistoryLog(this.chainId)
    this.#random = keccak256(toUtf8Bytes(options.seed ?? 'covey')) as Hex
    const vault = this.#vault
    this.arenas = new MemoryArenas({
      time: () => this.time(),
      unbondingSeconds: vault.unbondingSeconds,
      isRegistered: (account) => this.registry.node(account) !== null,
      stakeOf: (account) => vault.stakeOf(account),
      weightOf: (account) => vault.weightOf(account),
      reward: (operator, total, weight, drawnAt) => vault.reward(operator, total, weight, drawnAt, this.time()),
      slash: (operator, bps, weight, drawnAt) => void vault.slash(operator, bps, weight, drawnAt, this.time()),
      spend: (account, amount) => this.#spend(account, amount),
      receive: (account, amount) => this.mint(account, amount),
      mix: (parts) => this.#mix(parts),
    })
  }

  /** A block for something that happened in an arena. */
  seal(): TxReceipt {
    return this.#seal()
  }

  /** unix seconds */
  time(): number {
    return Math.floor(this.#clock.now() / 1000)
  }

  /** Tokens from nowhere, as the deployer of a development net has them. */
  mint(account: Address, amount: bigint): void {
    this.#account(account).wallet += amount
  }

  /** Called after each change of a task; returns how to stop. */
  watch(watcher: (task: number) => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  // ---- views

  taskCount(): number {
    return this.#tasks.length
  }

  task(id: number): TaskView {
    return viewTask(this.#task(id))
  }

  round(task: number, round: number): RoundView {
    return viewRound(this.#task(task), round)
  }

  /** All that has happened so far, as the contracts' events would tell it. */
  history(): History {
    const { unbondingSeconds } = this.#vault
    const params = new Map(this.#tasks.map((t) => [t.id, t.params]))
    return { block: this.#block, events: [...this.#log.events], unbondingSeconds, params }
  }

  accountView(account: Address): AccountView {
    const sums = this.#account(account)
    const unbondings = this.#vault.unbondings(account)
    return {
      account,
      // gas is free here; a full tank, so that a caller's low-fuel check stays quiet
      gas: 10n ** 18n,
      ...sums,
      stake: this.#vault.stakeOf(account),
      unbonding: unbondings.reduce((sum, { amount }) => sum + amount, 0n),
      unbondsAt: Math.max(0, ...unbondings.map(({ unbondsAt }) => unbondsAt)),
      slashed: this.#vault.slashedOf(account),
    }
  }

  unbondings(account: Address): readonly UnbondingView[] {
    return this.#vault.unbondings(account)
  }

  delegations(account: Address): readonly DelegationView[] {
    return this.#vault.delegations(account)
  }

  operator(account: Address): OperatorView {
    return this.#vault.operator(account, this.time())
  }

  operators(): readonly OperatorView[] {
    return this.#vault.operators(this.time())
  }

  isEnrolled(task: number, account: Address): boolean {
    return this.#task(task).enrolled.has(account)
  }

  // ---- accounts

  register(record: NodeRecord): TxReceipt {
    this.registry.register(record)
    return this.#seal()
  }

  setMetadata(sender: Address, metadata: NodeMetadata): TxReceipt {
    this.registry.setMetadata(sender, metadata)
    return this.#seal()
  }

  exit(sender: Address): TxReceipt {
    const own = this.#vault.unbondings(sender).filter(({ operator }) => operator === sender)
    const unbonding = own.reduce((sum, { amount }) => sum + amount, 0n)
    this.registry.exit(sender, this.#vault.stakeOf(sender), unbonding)
    return this.#seal()
  }

  deposit(sender: Address, amount: bigint): TxReceipt {
    this.#afford(sender, amount)
    this.#vault.deposit(sender, amount)
    this.#spend(sender, amount)
    this.#emit('vault', 'Deposited', { account: sender, amount, stake: this.#vault.stakeOf(sender) })
    return this.#seal()
  }

  requestWithdraw(sender: Address, amount: bigint): TxReceipt {
    this.#vault.requestWithdraw(sender, amount, this.time())
    const unbondsAt = Math.max(...this.#vault.unbondings(sender).map((u) => u.unbondsAt))
    this.#emit('vault', 'WithdrawRequested', { account: sender, amount, unbondsAt })
    return this.#seal()
  }

  withdraw(sender: Address): TxReceipt {
    const amount = this.#vault.withdraw(sender, this.time())
    this.#account(sender).wallet += amount
    this.#emit('vault', 'Withdrawn', { account: sender, amount })
    return this.#seal()
  }

  setCommission(sender: Address, commissionBps: number): TxReceipt {
    this.#vault.setCommission(sender, commissionBps, this.time())
    const from = this.#vault.operator(sender, this.time()).next?.from ?? this.time()
    this.#emit('vault', 'CommissionSet', { operator: sender, commissionBps, from })
    return this.#seal()
  }

  closeDelegation(sender: Address): TxReceipt {
    this.#vault.closeDelegation(sender)
    this.#emit('vault', 'DelegationClosed', { operator: sender })
    return this.#seal()
  }

  delegate(sender: Address, operator: Address, amount: bigint, mostCommissionBps: number): TxReceipt {
    this.#afford(sender, amount)
    const before = this.#held(sender, operator)
    this.#vault.delegate(sender, operator, amount, mostCommissionBps, this.time())
    this.#spend(sender, amount)
    const shares = this.#held(sender, operator).shares - before.shares
    this.#emit('vault', 'Delegated', { account: sender, operator, amount, shares })
    return this.#seal()
  }

  undelegate(sender: Address, operator: Address, amount: bigint | null): TxReceipt {
    const before = this.#held(sender, operator)
    this.#vault.undelegate(sender, operator, amount, this.time())
    const shares = before.shares - this.#held(sender, operator).shares
    this.#emit('vault', 'Undelegated', { account: sender, operator, amount: amount ?? before.amount, shares })
    return this.#seal()
  }

  claimDelegation(sender: Address, operator: Address): TxReceipt {
    const amount = this.#vault.claimDelegation(sender, operator)
    this.#account(sender).wallet += amount
    this.#emit('vault', 'DelegationClaimed', { account: sender, operator, amount })
    return this.#seal()
  }

  transfer(sender: Address, to: Address, amount: bigint): TxReceipt {
    this.#spend(sender, amount)
    this.#account(to).wallet += amount
    return this.#seal()
  }

  claim(sender: Address): TxReceipt {
    const a = this.#account(sender)
    if (a.claimable === 0n) throw revert('NothingToClaim', { account: sender })
    this.#emit('tasks', 'Claimed', { account: sender, amount: a.claimable })
    a.wallet += a.claimable
    a.claimable = 0n
    return this.#seal()
  }

  // ---- tasks

  createTask(sender: Address, params: TaskParams): number {
    checkTaskParams(params)
    const roundSeconds = Object.values(params.seconds).reduce((sum, s) => sum + s, 0)
    const { unbondingSeconds } = this.#vault
    if (roundSeconds > unbondingSeconds)
      throw revert('RoundLongerThanUnbonding', { roundSeconds, unbondingPeriod: unbondingSeconds })
    this.#spend(sender, params.pool)
    const id = this.#tasks.length + 1
    this.#tasks.push({
      id,
      creator: sender,
      params,
      status: 'open',
      phase: 'idle',
      deadline: 0,
      poolLeft: params.pool,
      granted: 0n,
      seed: this.#mix([]),
      idleSince: this.time(),
      enrolled: new Set(),
      rounds: [],
    })
    const { specDigest, baseDigest, pool, rounds } = params
    this.#emit('tasks', 'TaskCreated', { id, creator: sender, specDigest, baseDigest, pool, rounds })
    this.#seal(id)
    return id
  }

  fund(sender: Address, id: number, amount: bigint): TxReceipt {
    const t = this.#live(id)
    const most = 2n ** 96n - 1n
    if (amount <= 0n || amount > most) throw revert('BadParameter', { name: 'amount', value: amount, least: 1n, most })
    this.#spend(sender, amount)
    t.poolLeft += amount
    t.granted += amount
    this.#emit('tasks', 'TaskFunded', { id, from: sender, amount })
    return this.#seal(id)
  }

  /** Tokens that nobody has any more. */
  burn(sender: Address, amount: bigint): TxReceipt {
    this.#spend(sender, amount)
    return this.#seal()
  }

  cancel(sender: Address, id: number): TxReceipt {
    const t = this.#task(id)
    if (t.creator !== sender) throw revert('NotCreator', { caller: sender, creator: t.creator })
    this.#live(id)
    if (t.status === 'running') {
      if (t.phase !== 'idle') throw revert('WrongPhase', { phase: t.phase, expected: 'idle' })
      const from = t.idleSince + CANCEL_AFTER_SECONDS
      if (this.time() < from) throw revert('NotCancellable', { from })
    }
    t.status = 'cancelled'
    this.#emit('tasks', 'TaskCancelled', { id, refund: this.#refund(t) })
    return this.#seal(id)
  }

  join(sender: Address, id: number): TxReceipt {
    const t = this.#live(id)
    if (t.enrolled.has(sender)) throw revert('AlreadyEnrolled', { id, account: sender })
    if (this.registry.node(sender) === null) throw revert('NotRegistered', { account: sender })
    const stake = this.#vault.stakeOf(sender)
    if (stake < t.params.minStake) throw revert('StakeTooLow', { stake, minStake: t.params.minStake })
    const elsewhere = this.#tasks.filter((other) => other.enrolled.has(sender) && isOpen(other.status))
    if (elsewhere.length >= MAX_ENROLMENTS) throw revert('TooManyEnrolments', { limit: MAX_ENROLMENTS })
    t.enrolled.add(sender)
    this.#emit('tasks', 'Joined', { id, account: sender })
    return this.#seal(id)
  }

  leave(sender: Address, id: number): TxReceipt {
    const t = this.#task(id)
    if (!t.enrolled.delete(sender)) throw revert('NotEnrolled', { id, account: sender })
    this.#emit('tasks', 'Left', { id, account: sender })
    return this.#seal(id)
  }

  startRound(id: number): TxReceipt {
    const t = this.#live(id)
    if (t.phase !== 'idle') throw revert('WrongPhase', { phase: t.phase, expected: 'idle' })
    const weights = new Map<Address, bigint>()
    for (const account of t.enrolled) {
      const power = this.#vault.weightOf(account)
      const weight = power - (power % GWEI)
      if (this.#vault.stakeOf(account) >= t.params.minStake && weight > 0n) weights.set(account, weight)
    }
    const n = weights.size
    if (n < 2) throw revert('NotEnoughNodes', { eligible: n, expected: 2 })
    t.seed = this.#mix([t.seed, ...(t.rounds.at(-1)?.salts ?? [])])
    const voters = Math.min(t.params.voters, Math.floor(n / 2))
    const drawn = drawSeats(weights, Math.min(t.params.proposers, n - voters) + voters, t.seed)
    const seat = ([account, weight]: readonly [Address, bigint]) => ({ account, weight, commitment: null })
    t.rounds.push({
      voters: drawn.slice(0, voters).map((s) => ({ ...seat(s), scores: null })),
      proposers: drawn.slice(voters).map((s) => ({ ...seat(s), reveal: null })),
      probe: null,
      settlement: null,
      salts: [],
      drawnAt: this.time(),
    })
    t.status = 'running'
    const accounts = drawn.map(([account]) => account)
    const seats = { voters: accounts.slice(0, voters), proposers: accounts.slice(voters) }
    this.#emit('tasks', 'RoundStarted', { id, round: t.rounds.length, seed: t.seed, ...seats })
    this.#enter(t, 'train')
    return this.#seal(id)
  }

  commit(sender: Address, id: number, round: number, commitment: Hex): TxReceipt {
    const { t, r } = this.#open(id, round, 'train')
    const seat = findSeat(r.proposers, 'NotProposer', sender)
    if (seat.commitment !== null) throw revert('AlreadyCommitted', { commitment: seat.commitment })
    seat.commitment = commitment
    this.#emit('tasks', 'Committed', { id, round, account: sender, commitment })
    if (r.proposers.every((s) => s.commitment !== null)) this.#endPhase(t, r)
    return this.#seal(id)
  }

  reveal(sender: Address, id: number, round: number, reveal: DeltaReveal): TxReceipt {
    const { t, r } = this.#open(id, round, 'reveal')
    const seat = findSeat(r.proposers, 'NotProposer', sender)
    if (reveal.size <= 0) throw revert('EmptyReveal', {})
    if (seat.reveal !== null) throw revert('AlreadyRevealed', { account: sender })
    checkOpening(sender, seat.commitment, deltaCommitment(id, round, sender, reveal))
    seat.reveal = { digest: reveal.digest, size: reveal.size, baseDigest: reveal.baseDigest }
    const [deltaDigest, baseDigest] = [digestToHex(reveal.digest), digestToHex(reveal.baseDigest)]
    this.#emit('tasks', 'Revealed', { id, round, account: sender, deltaDigest, size: reveal.size, baseDigest })
    if (r.proposers.every((s) => s.commitment === null || s.reveal !== null)) this.#endPhase(t, r)
    return this.#seal(id)
  }

  revealProbe(
    sender: Address,
    id: number,
    round: number,
    slice: { digest: string; size: number; proof: readonly Hex[] },
  ): TxReceipt {
    const { t, r } = this.#open(id, round, 'probe')
    if (t.creator !== sender) throw revert('NotCreator', { caller: sender, creator: t.creator })
    const root = t.params.probeRoot
    const leaf = merkleLeaf(round, slice.digest)
    if (root === null || merkleRootOf(leaf, slice.proof) !== root.toLowerCase())
      throw revert('BadProof', { leaf, root: root ?? ZERO_BYTES32 })
    r.probe = { digest: slice.digest, size: slice.size }
    this.#emit('tasks', 'ProbeRevealed', { id, round, sliceDigest: digestToHex(slice.digest), size: slice.size })
    this.#endPhase(t, r)
    return this.#seal(id)
  }

  commitScores(sender: Address, id: number, round: number, commitment: Hex): TxReceipt {
    const { t, r } = this.#open(id, round, 'score')
    const seat = findSeat(r.voters, 'NotVoter', sender)
    if (seat.commitment !== null) throw revert('AlreadyCommitted', { commitment: seat.commitment })
    seat.commitment = commitment
    this.#emit('tasks', 'ScoresCommitted', { id, round, account: sender, commitment })
    if (r.voters.every((s) => s.commitment !== null)) this.#endPhase(t, r)
    return this.#seal(id)
  }

  revealScores(sender: Address, id: number, round: number, scores: Scores, salt: Hex): TxReceipt {
    const { t, r } = this.#open(id, round, 'tally')
    const seat = findSeat(r.voters, 'NotVoter', sender)
    if (seat.scores !== null) throw revert('AlreadyRevealed', { account: sender })
    checkOpening(sender, seat.commitment, scoresCommitment(id, round, sender, scores, salt))
    if (scores.probe.length !== r.proposers.length)
      throw revert('BadScoresLength', { length: 4 * (scores.probe.length + 1), expected: 4 * (r.proposers.length + 1) })
    seat.scores = unpackScores(packScores(scores), r.proposers.length)
    r.salts.push(salt)
    const packedScores = hexlify(packScores(scores))
    this.#emit('tasks', 'ScoresRevealed', { id, round, account: sender, packedScores })
    if (r.voters.every((s) => s.commitment === null || s.scores !== null)) this.#endPhase(t, r)
    return this.#seal(id)
  }

  advance(sender: Address, id: number): TxReceipt {
    const t = this.#task(id)
    const r = t.rounds.at(-1)
    if (t.phase === 'idle' || r === undefined || this.time() < t.deadline)
      throw revert('NotDue', { deadline: t.deadline, time: this.time() })
    const fee = keeperFee(roundBudget(t.poolLeft, t.params.rounds, t.rounds.length))
    t.poolLeft -= fee
    this.#credit(sender, fee)
    if (fee > 0n) this.#emit('tasks', 'KeeperPaid', { id, round: t.rounds.length, account: sender, amount: fee })
    this.#endPhase(t, r)
    return this.#seal(id)
  }

  // ---- inside

  /** What follows when a phase is over, by its deadline or because every seat has acted. */
  #endPhase(t: MutableTask, r: MutableRound): void {
    const next = nextPhase(t.phase, r, t.params.probeRoot !== null)
    if (next === 'idle') this.#settle(t, r)
    else this.#enter(t, next)
  }

  #enter(t: MutableTask, phase: Exclude<Phase, 'idle'>): void {
    t.phase = phase
    t.deadline = this.time() + t.params.seconds[phase]
    const { id, deadline, rounds } = t
    this.#emit('tasks', 'PhaseStarted', { id, round: rounds.length, phase: PHASES.indexOf(phase), deadline })
  }

  #settle(t: MutableTask, r: MutableRound): void {
    const round = t.rounds.length
    const result = settle({
      round,
      budget: roundBudget(t.poolLeft, t.params.rounds, round),
      probe: r.probe !== null,
      rules: t.params.rules,
      proposers: r.proposers,
      voters: r.voters,
    })
    const seats = [...r.proposers, ...r.voters]
    const outcomes = [...result.proposers, ...result.voters]
    outcomes.forEach(({ paid, slashBps }, i) => {
      const { account, weight } = seats[i] as ProposerSeat | VoterSeat
      const seat = { id: t.id, round, account }
      if (paid > 0n) {
        const part = this.#vault.reward(account, paid, weight, r.drawnAt, this.time())
        this.#credit(account, paid - part)
        t.poolLeft -= paid
        if (part > 0n) this.#emit('vault', 'DelegatorsRewarded', { operator: account, reward: paid, amount: part })
        this.#emit('tasks', 'Rewarded', { ...seat, amount: paid })
      }
      if (slashBps > 0) {
        const amount = this.#vault.slash(account, slashBps, weight, r.drawnAt, this.time())
        this.#emit('vault', 'Slashed', { account, amount, bps: slashBps })
        this.#emit('tasks', 'Penalized', { ...seat, bps: slashBps, amount })
      }
    })
    const { agreedBase, incumbentMedian, rolledBack } = result
    const paid = outcomes.reduce((sum, o) => sum + o.paid, 0n)
    this.#emit('tasks', 'RoundSettled', { id: t.id, round, agreedBase, incumbentMedian, rolledBack, paid })
    r.settlement = result
    t.phase = 'idle'
    t.deadline = 0
    t.idleSince = this.time()
    if (t.rounds.length === t.params.rounds) {
      t.status = 'finished'
      this.#emit('tasks', 'TaskFinished', { id: t.id, refund: this.#refund(t) })
    }
  }

  /** The creator's part of the unspent pool goes back to it, to be claimed; the part of what others gave is burnt. */
  #refund(t: MutableTask): bigint {
    const amount = creatorsPart(t.poolLeft, t.params.pool, t.granted)
    this.#account(t.creator).claimable += amount
    t.poolLeft = 0n
    return amount
  }

  #credit(account: Address, amount: bigint): void {
    const a = this.#account(account)
    a.claimable += amount
    a.earned += amount
  }

  #account(address: Address): MutableAccount {
    const known = this.#accounts.get(address)
    if (known !== undefined) return known
    const fresh: MutableAccount = {
      wallet: 0n,
      claimable: 0n,
      earned: 0n,
    }
    this.#accounts.set(address, fresh)
    return fresh
  }

  #held(account: Address, operator: Address): Pick<DelegationView, 'shares' | 'amount'> {
    const held = this.#vault.delegations(account).find((d) => d.operator === operator)
    return held ?? { shares: 0n, amount: 0n }
  }

  #emit(contract: HistoryEvent['contract'], name: string, args: Readonly<Record<string, unknown>>): void {
    // the call that is running seals the next block
    this.#log.emit(contract, name, args, { block: this.#block + 1, time: this.time() })
  }

  #afford(sender: Address, amount: bigint): MutableAccount {
    const a = this.#account(sender)
    if (a.wallet < amount) throw revert('ERC20InsufficientBalance', { sender, balance: a.wallet, needed: amount })
    return a
  }

  #spend(sender: Address, amount: bigint): void {
    this.#afford(sender, amount).wallet -= amount
  }

  #task(id: number): MutableTask {
    const t = this.#tasks[id - 1]
    if (t === undefined) throw revert('UnknownTask', { id })
    return t
  }

  #live(id: number): MutableTask {
    const t = this.#task(id)
    if (!isOpen(t.status)) throw revert('TaskClosed', { id, status: t.status })
    return t
  }

  #open(id: number, round: number, phase: Phase): { t: MutableTask; r: MutableRound } {
    const t = this.#task(id)
    const r = t.rounds[round - 1]
    if (r === undefined || round !== t.rounds.length) throw revert('WrongRound', { round, current: t.rounds.length })
    if (t.phase !== phase) throw revert('WrongPhase', { phase: t.phase, expected: phase })
    if (this.time() >= t.deadline) throw revert('DeadlinePassed', { deadline: t.deadline, time: this.time() })
    return { t, r }
  }

  /** The chain's next random word: stands in for prevrandao. */
  #mix(parts: readonly Hex[]): Hex {
    this.#random = keccak256(`0x${[this.#random, ...parts].map((p) => p.slice(2)).join('')}`) as Hex
    return this.#random
  }

  #seal(task?: number): TxReceipt {
    this.#block++
    if (task !== undefined) for (const watcher of this.#watchers) watcher(task)
    return { hash: memoryTransaction(this.chainId, this.#block), block: this.#block, gasUsed: 0n }
  }
}
