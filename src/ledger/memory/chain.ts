/**
 * The contracts' rules in memory: one chain that many accounts share, for tests and simulations. Same phases, seats,
 * checks and settlement as contracts/CoveyTasks.sol; blocks are calls, gas costs nothing. The same seed, clock and
 * calls give the same state.
 */
import { hexlify, keccak256, toUtf8Bytes } from 'ethers'
import { merkleLeaf, merkleRootOf } from '../../data/merkle.ts'
import { packScores, unpackScores } from '../../round/packed-scores.ts'
import { creatorsPart, keeperFee, roundBudget, settle } from '../../round/settlement.ts'
import type {
  Address,
  DeltaReveal,
  Hex,
  Phase,
  ProposerSeat,
  RoundView,
  Scores,
  TaskParams,
  TaskView,
  TxReceipt,
  VoterSeat,
} from '../../types/ledger.ts'
import { PHASES } from '../../types/ledger.ts'
import { deltaCommitment, digestToHex, scoresCommitment } from '../abi/commitment.ts'
import { checkTaskParams } from '../abi/params.ts'
import { revert } from '../abi/revert.ts'
import type { History } from '../history/events.ts'
import { MemoryArenas } from './arena.ts'
import { MemoryMoney, type MemoryMoneyOptions } from './money.ts'
import type { MutableRound, MutableTask } from './round.ts'
import { checkOpening, drawSeats, findSeat, isOpen, nextPhase, viewRound, viewTask } from './round.ts'

/** As the contract: an account may wait for seats in this many tasks at once. */
export const MAX_ENROLMENTS = 8

export interface MemoryChainOptions extends MemoryMoneyOptions {
  /** every random draw follows from it */
  readonly seed?: string
}

const ZERO_BYTES32: Hex = `0x${'0'.repeat(64)}`
/** Weights are whole gwei, as in the contract's sum tree. */
const GWEI = 1_000_000_000n

/** As the contract: idle this long, a task has lost its nodes and its creator may have the pool back. */
const CANCEL_AFTER_SECONDS = 7 * 86_400

export class MemoryChain extends MemoryMoney {
  readonly arenas: MemoryArenas
  readonly #tasks: MutableTask[] = []
  readonly #watchers = new Set<(task: number) => void>()
  #random: Hex

  constructor(options: MemoryChainOptions) {
    super(options)
    this.#random = keccak256(toUtf8Bytes(options.seed ?? 'covey')) as Hex
    const { vault } = this
    this.arenas = new MemoryArenas({
      time: () => this.time(),
      unbondingSeconds: vault.unbondingSeconds,
      isRegistered: (account) => this.registry.node(account) !== null,
      stakeOf: (account) => vault.stakeOf(account),
      weightOf: (account) => vault.weightOf(account),
      reward: (operator, total, weight, drawnAt) => this.#reward(operator, total, weight, drawnAt),
      slash: (operator, bps, weight, drawnAt) => this.#slash(operator, bps, weight, drawnAt),
      spend: (account, amount) => this.spend(account, amount),
      receive: (account, amount) => this.mint(account, amount),
      mix: (parts) => this.#mix(parts),
      emit: (name, args) => this.emit('arena', name, args),
    })
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
    const arenas = Array.from({ length: this.arenas.count() }, (_, i) => this.arenas.arena(i + 1))
    return {
      ...this.told(),
      params: new Map(this.#tasks.map((t) => [t.id, t.params])),
      arenaParams: new Map(arenas.map(({ id, params }) => [id, params])),
    }
  }

  isEnrolled(task: number, account: Address): boolean {
    return this.#task(task).enrolled.has(account)
  }

  // ---- tasks

  createTask(sender: Address, params: TaskParams): number {
    checkTaskParams(params)
    const roundSeconds = Object.values(params.seconds).reduce((sum, s) => sum + s, 0)
    const { unbondingSeconds } = this.vault
    if (roundSeconds > unbondingSeconds)
      throw revert('RoundLongerThanUnbonding', { roundSeconds, unbondingPeriod: unbondingSeconds })
    this.spend(sender, params.pool)
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
    this.emit('tasks', 'TaskCreated', { id, creator: sender, specDigest, baseDigest, pool, rounds })
    this.#sealTask(id)
    return id
  }

  fund(sender: Address, id: number, amount: bigint): TxReceipt {
    const t = this.#live(id)
    const most = 2n ** 96n - 1n
    if (amount <= 0n || amount > most) throw revert('BadParameter', { name: 'amount', value: amount, least: 1n, most })
    this.spend(sender, amount)
    t.poolLeft += amount
    t.granted += amount
    this.emit('tasks', 'TaskFunded', { id, from: sender, amount })
    return this.#sealTask(id)
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
    this.emit('tasks', 'TaskCancelled', { id, refund: this.#refund(t) })
    return this.#sealTask(id)
  }

  join(sender: Address, id: number): TxReceipt {
    const t = this.#live(id)
    if (t.enrolled.has(sender)) throw revert('AlreadyEnrolled', { id, account: sender })
    if (this.registry.node(sender) === null) throw revert('NotRegistered', { account: sender })
    const stake = this.vault.stakeOf(sender)
    if (stake < t.params.minStake) throw revert('StakeTooLow', { stake, minStake: t.params.minStake })
    const elsewhere = this.#tasks.filter((other) => other.enrolled.has(sender) && isOpen(other.status))
    if (elsewhere.length >= MAX_ENROLMENTS) throw revert('TooManyEnrolments', { limit: MAX_ENROLMENTS })
    t.enrolled.add(sender)
    this.emit('tasks', 'Joined', { id, account: sender })
    return this.#sealTask(id)
  }

  leave(sender: Address, id: number): TxReceipt {
    const t = this.#task(id)
    if (!t.enrolled.delete(sender)) throw revert('NotEnrolled', { id, account: sender })
    this.emit('tasks', 'Left', { id, account: sender })
    return this.#sealTask(id)
  }

  startRound(id: number): TxReceipt {
    const t = this.#live(id)
    if (t.phase !== 'idle') throw revert('WrongPhase', { phase: t.phase, expected: 'idle' })
    const weights = new Map<Address, bigint>()
    for (const account of t.enrolled) {
      const power = this.vault.weightOf(account)
      const weight = power - (power % GWEI)
      if (this.vault.stakeOf(account) >= t.params.minStake && weight > 0n) weights.set(account, weight)
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
    this.emit('tasks', 'RoundStarted', { id, round: t.rounds.length, seed: t.seed, ...seats })
    this.#enter(t, 'train')
    return this.#sealTask(id)
  }

  commit(sender: Address, id: number, round: number, commitment: Hex): TxReceipt {
    const { t, r } = this.#open(id, round, 'train')
    const seat = findSeat(r.proposers, 'NotProposer', sender)
    if (seat.commitment !== null) throw revert('AlreadyCommitted', { commitment: seat.commitment })
    seat.commitment = commitment
    this.emit('tasks', 'Committed', { id, round, account: sender, commitment })
    if (r.proposers.every((s) => s.commitment !== null)) this.#endPhase(t, r)
    return this.#sealTask(id)
  }

  reveal(sender: Address, id: number, round: number, reveal: DeltaReveal): TxReceipt {
    const { t, r } = this.#open(id, round, 'reveal')
    const seat = findSeat(r.proposers, 'NotProposer', sender)
    if (reveal.size <= 0) throw revert('EmptyReveal', {})
    if (seat.reveal !== null) throw revert('AlreadyRevealed', { account: sender })
    checkOpening(sender, seat.commitment, deltaCommitment(id, round, sender, reveal))
    seat.reveal = { digest: reveal.digest, size: reveal.size, baseDigest: reveal.baseDigest }
    seat.commitment = null
    const [deltaDigest, baseDigest] = [digestToHex(reveal.digest), digestToHex(reveal.baseDigest)]
    this.emit('tasks', 'Revealed', { id, round, account: sender, deltaDigest, size: reveal.size, baseDigest })
    if (r.proposers.every((s) => s.commitment === null)) this.#endPhase(t, r)
    return this.#sealTask(id)
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
    this.emit('tasks', 'ProbeRevealed', { id, round, sliceDigest: digestToHex(slice.digest), size: slice.size })
    this.#endPhase(t, r)
    return this.#sealTask(id)
  }

  commitScores(sender: Address, id: number, round: number, commitment: Hex): TxReceipt {
    const { t, r } = this.#open(id, round, 'score')
    const seat = findSeat(r.voters, 'NotVoter', sender)
    if (seat.commitment !== null) throw revert('AlreadyCommitted', { commitment: seat.commitment })
    seat.commitment = commitment
    this.emit('tasks', 'ScoresCommitted', { id, round, account: sender, commitment })
    if (r.voters.every((s) => s.commitment !== null)) this.#endPhase(t, r)
    return this.#sealTask(id)
  }

  revealScores(sender: Address, id: number, round: number, scores: Scores, salt: Hex): TxReceipt {
    const { t, r } = this.#open(id, round, 'tally')
    const seat = findSeat(r.voters, 'NotVoter', sender)
    if (seat.scores !== null) throw revert('AlreadyRevealed', { account: sender })
    checkOpening(sender, seat.commitment, scoresCommitment(id, round, sender, scores, salt))
    if (scores.probe.length !== r.proposers.length)
      throw revert('BadScoresLength', { length: 4 * (scores.probe.length + 1), expected: 4 * (r.proposers.length + 1) })
    seat.scores = unpackScores(packScores(scores), r.proposers.length)
    seat.commitment = null
    r.salts.push(salt)
    const packedScores = hexlify(packScores(scores))
    this.emit('tasks', 'ScoresRevealed', { id, round, account: sender, packedScores })
    if (r.voters.every((s) => s.commitment === null)) this.#endPhase(t, r)
    return this.#sealTask(id)
  }

  advance(sender: Address, id: number): TxReceipt {
    const t = this.#task(id)
    const r = t.rounds.at(-1)
    if (t.phase === 'idle' || r === undefined || this.time() < t.deadline)
      throw revert('NotDue', { deadline: t.deadline, time: this.time() })
    const fee = keeperFee(roundBudget(t.poolLeft, t.params.rounds, t.rounds.length))
    t.poolLeft -= fee
    this.credit(sender, fee)
    if (fee > 0n) this.emit('tasks', 'KeeperPaid', { id, round: t.rounds.length, account: sender, amount: fee })
    this.#endPhase(t, r)
    return this.#sealTask(id)
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
    this.emit('tasks', 'PhaseStarted', { id, round: rounds.length, phase: PHASES.indexOf(phase), deadline })
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
        this.credit(account, paid - this.#reward(account, paid, weight, r.drawnAt))
        t.poolLeft -= paid
        this.emit('tasks', 'Rewarded', { ...seat, amount: paid })
      }
      if (slashBps > 0) {
        const amount = this.#slash(account, slashBps, weight, r.drawnAt)
        this.emit('tasks', 'Penalized', { ...seat, bps: slashBps, amount })
      }
    })
    const { agreedBase, incumbentMedian, rolledBack } = result
    const paid = outcomes.reduce((sum, o) => sum + o.paid, 0n)
    this.emit('tasks', 'RoundSettled', { id: t.id, round, agreedBase, incumbentMedian, rolledBack, paid })
    r.settlement = result
    t.phase = 'idle'
    t.deadline = 0
    t.idleSince = this.time()
    if (t.rounds.length === t.params.rounds) {
      t.status = 'finished'
      this.emit('tasks', 'TaskFinished', { id: t.id, refund: this.#refund(t) })
    }
  }

  /** The delegators' part. */
  #reward(operator: Address, reward: bigint, weight: bigint, drawnAt: number): bigint {
    const amount = this.vault.reward(operator, reward, weight, drawnAt, this.time())
    if (amount > 0n) this.emit('vault', 'DelegatorsRewarded', { operator, reward, amount })
    return amount
  }

  /** What is burnt. */
  #slash(account: Address, bps: number, weight: bigint, drawnAt: number): bigint {
    const amount = this.vault.slash(account, bps, weight, drawnAt, this.time())
    this.emit('vault', 'Slashed', { account, amount, bps })
    return amount
  }

  /** The creator's part of the unspent pool goes back to it, to be claimed; the part of what others gave is burnt. */
  #refund(t: MutableTask): bigint {
    const amount = creatorsPart(t.poolLeft, t.params.pool, t.granted)
    this.accountOf(t.creator).claimable += amount
    t.poolLeft = 0n
    return amount
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

  #sealTask(task: number): TxReceipt {
    const receipt = this.seal()
    for (const watcher of this.#watchers) watcher(task)
    return receipt
  }
}
