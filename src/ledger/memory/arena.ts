/**
 * The arena contract's rules in memory: contracts/CoveyArena.sol, number for number, over a chain's stakes and wallets.
 * Same phases, seats, checks and settlement; gas costs nothing.
 */
import { hexlify } from 'ethers'
import { merkleLeaf, merkleRootOf } from '../../data/merkle.ts'
import { epochReward, settleEpoch } from '../../round/arena.ts'
import { packScoreList } from '../../round/score-list.ts'
import { creatorsPart } from '../../round/settlement.ts'
import type {
  AdapterReveal,
  ArenaCredit,
  ArenaParams,
  ArenaPhase,
  ArenaRole,
  ArenaSettlement,
  ArenaView,
  EpochView,
} from '../../types/arena.ts'
import { ARENA_PHASES } from '../../types/arena.ts'
import type { Address, Hex } from '../../types/ledger.ts'
import { adapterCommitment, arenaScoresCommitment } from '../abi/arena-commitment.ts'
import { checkArenaParams } from '../abi/arena-params.ts'
import { digestToHex } from '../abi/commitment.ts'
import { revert } from '../abi/revert.ts'
import type { ArenaWorld, MutableArena, MutableEpoch } from './arena-state.ts'
import { checkOpening, drawSeats, findSeat, isOpen } from './round.ts'

/** As the contract: an account may wait to be drawn in this many arenas at once. */
const MAX_ENROLMENTS = 4
const BPS = 10_000n
/** What a pool holds at most, wei: what one pays out fits 96 bits. */
const MOST_POOL = 2n ** 96n - 1n
/** Weights are whole gwei, as in the contract's sum tree. */
const GWEI = 1_000_000_000n

export class MemoryArenas {
  readonly #world: ArenaWorld
  readonly #arenas: MutableArena[] = []
  readonly #credits = new Map<Address, { claimable: bigint; earned: bigint }>()

  constructor(world: ArenaWorld) {
    this.#world = world
  }

  // ---- views

  count(): number {
    return this.#arenas.length
  }

  arena(id: number): ArenaView {
    const { entrants, pool, epochs, firsts: _, seed: __, granted: ___, ...a } = this.#arena(id)
    return { ...a, epoch: epochs.length, entrants: [...entrants], validators: pool.size }
  }

  epoch(id: number, number: number): EpochView {
    const a = this.#arena(id)
    const e = a.epochs[number - 1]
    if (e === undefined) throw revert('WrongEpoch', { epoch: number, current: a.epochs.length })
    const open = e.settlement === null
    return {
      arena: id,
      epoch: number,
      phase: open ? a.phase : 'idle',
      deadline: open ? a.deadline : 0,
      budget: e.budget,
      fees: e.fees,
      entries: e.entries.map(({ committedAt: _, ...entry }) => entry),
      validators: e.validators.map((seat) => ({ ...seat })),
      slice: e.slice,
      champion: e.champion,
      settlement: e.settlement,
    }
  }

  roleOf(id: number, account: Address): ArenaRole | null {
    const a = this.#arena(id)
    if (a.entrants.includes(account)) return 'entrant'
    return a.pool.has(account) ? 'validator' : null
  }

  credit(account: Address): ArenaCredit {
    return { claimable: 0n, earned: 0n, ...this.#credits.get(account) }
  }

  // ---- money

  create(sender: Address, params: ArenaParams): number {
    const { time, spend, mix, unbondingSeconds } = this.#world
    checkArenaParams(params, time())
    const roundSeconds = Object.values(params.seconds).reduce((sum, s) => sum + s, 0)
    if (roundSeconds > unbondingSeconds)
      throw revert('RoundLongerThanUnbonding', { roundSeconds, unbondingPeriod: unbondingSeconds })
    spend(sender, params.pool)
    const id = this.#arenas.length + 1
    this.#arenas.push({
      id,
      creator: sender,
      params,
      entrants: [],
      pool: new Set(),
      firsts: new Map(),
      epochs: [],
      status: 'open',
      phase: 'idle',
      deadline: 0,
      poolLeft: params.pool,
      granted: 0n,
      seed: mix([]),
      champion: null,
    })
    const { specDigest, baseDigest, pool, epochs } = params
    const digests = { specDigest: digestToHex(specDigest), baseDigest: digestToHex(baseDigest) }
    this.#world.emit('ArenaCreated', { arena: id, creator: sender, ...digests, pool, epochs })
    return id
  }

  /** Adds to a pool, for good. */
  fund(sender: Address, id: number, amount: bigint): void {
    const a = this.#live(id)
    const most = MOST_POOL - a.poolLeft
    if (amount <= 0n || amount > most) throw revert('BadParameter', { name: 'amount', value: amount, least: 1n, most })
    this.#world.spend(sender, amount)
    a.poolLeft += amount
    a.granted += amount
    this.#world.emit('ArenaFunded', { arena: id, by: sender, amount })
  }

  /** That `fund` takes something for it. */
  isOpen(id: number): boolean {
    const a = this.#arenas[id - 1]
    return a !== undefined && isOpen(a.status) && this.#world.time() < a.params.endsAt
  }

  cancel(sender: Address, id: number): void {
    const a = this.#arena(id)
    if (a.creator !== sender) throw revert('NotCreator', { caller: sender, creator: a.creator })
    if (!isOpen(a.status)) throw revert('ArenaClosed', { id, status: a.status })
    if (a.status === 'running') throw revert('AlreadyStarted', { id })
    this.#finish(a, 'cancelled')
  }

  close(id: number): void {
    const a = this.#arena(id)
    if (!isOpen(a.status)) throw revert('ArenaClosed', { id, status: a.status })
    if (a.phase !== 'idle') throw revert('WrongArenaPhase', { phase: a.phase, expected: 'idle' })
    const { endsAt } = a.params
    if (this.#world.time() < endsAt) throw revert('ArenaNotOver', { endsAt, time: this.#world.time() })
    this.#finish(a, 'finished')
  }

  claim(sender: Address): void {
    const credit = this.#credits.get(sender)
    if (credit === undefined || credit.claimable === 0n) throw revert('NothingToClaim', { account: sender })
    this.#world.emit('ArenaClaimed', { account: sender, amount: credit.claimable })
    this.#world.receive(sender, credit.claimable)
    credit.claimable = 0n
  }

  // ---- who takes part

  enter(sender: Address, id: number, role: ArenaRole): void {
    const a = this.#live(id)
    if (this.roleOf(id, sender) !== null) throw revert('AlreadyEntered', { id, account: sender })
    if (!this.#world.isRegistered(sender)) throw revert('NotRegistered', { account: sender })
    const stake = this.#world.stakeOf(sender)
    if (stake < a.params.minStake) throw revert('StakeTooLow', { stake, minStake: a.params.minStake })
    if (role === 'entrant') this.#takePlace(a, sender)
    else {
      const elsewhere = this.#arenas.filter((other) => other.pool.has(sender) && isOpen(other.status))
      if (elsewhere.length >= MAX_ENROLMENTS) throw revert('TooManyEnrolments', { limit: MAX_ENROLMENTS })
      a.pool.add(sender)
    }
    this.#world.emit('Entered', { arena: id, account: sender, role: role === 'entrant' ? 1 : 2 })
  }

  leave(sender: Address, id: number): void {
    const a = this.#arena(id)
    const at = a.entrants.indexOf(sender)
    if (at < 0) {
      if (!a.pool.delete(sender)) throw revert('NotEntered', { id, account: sender })
      this.#world.emit('Departed', { arena: id, account: sender })
      return
    }
    if (holds(a, sender)) throw revert('SeatHeld', { id, account: sender })
    // as the contract: the last one takes the place
    const last = a.entrants.pop() as Address
    if (last !== sender) a.entrants[at] = last
    this.#world.emit('Departed', { arena: id, account: sender })
  }

  #takePlace(a: MutableArena, sender: Address): void {
    if (a.entrants.length < a.params.entrants) {
      a.entrants.push(sender)
      return
    }
    let lightest = 2n ** 256n - 1n
    let at = -1
    a.entrants.forEach((entrant, i) => {
      if (holds(a, entrant)) return
      const units = this.#units(a, entrant)
      if (units < lightest) [lightest, at] = [units, i]
    })
    const mine = this.#world.weightOf(sender) / GWEI
    if (mine <= lightest) throw revert('ArenaFull', { weight: mine, expected: lightest })
    this.#world.emit('Departed', { arena: a.id, account: a.entrants[at] })
    a.entrants[at] = sender
  }

  // ---- epochs

  startEpoch(id: number): void {
    const a = this.#live(id)
    if (a.phase !== 'idle') throw revert('WrongArenaPhase', { phase: a.phase, expected: 'idle' })
    if (a.entrants.length === 0) throw revert('NotEnoughNodes', { eligible: 0, expected: 1 })
    const weights = new Map<Address, bigint>()
    for (const account of a.pool) {
      const units = this.#units(a, account)
      if (units > 0n) weights.set(account, units * GWEI)
    }
    const wanted = a.params.validators
    const least = Math.min(wanted, 2)
    if (weights.size < least) throw revert('NotEnoughNodes', { eligible: weights.size, expected: least })
    a.seed = this.#world.mix([a.seed, ...(a.epochs.at(-1)?.salts ?? [])])
    const drawn = drawSeats(weights, Math.min(wanted, weights.size), a.seed)
    a.epochs.push({
      budget: epochReward(a.poolLeft, a.params.epochs, a.epochs.length),
      startedAt: this.#world.time(),
      champion: a.champion,
      entries: [],
      validators: drawn.map(([account, weight]) => ({ account, weight, commitment: null, scores: null })),
      salts: [],
      fees: 0n,
      slice: null,
      settlement: null,
    })
    a.status = 'running'
    const { budget, validators } = a.epochs.at(-1) as MutableEpoch
    const accounts = validators.map(({ account }) => account)
    this.#tell(a, 'EpochStarted', { seed: a.seed, budget, validators: accounts })
    this.#enterPhase(a, 'submit')
  }

  commit(sender: Address, id: number, number: number, commitment: Hex): void {
    const { a, e } = this.#open(id, number, 'submit')
    if (!a.entrants.includes(sender)) throw revert('NotEntrant', { account: sender })
    const known = e.entries.find((entry) => entry.account === sender)
    if (known !== undefined) throw revert('AlreadyCommitted', { commitment: known.commitment })
    const units = this.#units(a, sender)
    if (units === 0n) throw revert('StakeTooLow', { stake: this.#world.stakeOf(sender), minStake: a.params.minStake })
    const weight = units * GWEI
    const committedAt = this.#world.time()
    e.entries.push({ account: sender, weight, commitment, reveal: null, copied: false, since: 0, committedAt })
    this.#tell(a, 'AdapterCommitted', { account: sender, commitment })
    if (e.entries.length === a.params.entrants) this.#endPhase(a, e)
  }

  revealSlice(
    sender: Address,
    id: number,
    number: number,
    slice: { digest: string; size: number; proof: readonly Hex[] },
  ): void {
    const { a, e } = this.#open(id, number, 'slice')
    if (a.creator !== sender) throw revert('NotCreator', { caller: sender, creator: a.creator })
    if (slice.size <= 0) throw revert('EmptyReveal', {})
    const leaf = merkleLeaf(number, slice.digest)
    const root = a.params.probeRoot
    if (merkleRootOf(leaf, slice.proof) !== root.toLowerCase()) throw revert('BadProof', { leaf, root })
    e.slice = { digest: slice.digest, size: slice.size }
    this.#tell(a, 'SliceRevealed', { sliceDigest: digestToHex(slice.digest), size: slice.size })
    this.#endPhase(a, e)
  }

  reveal(sender: Address, id: number, number: number, reveal: AdapterReveal): void {
    const { a, e } = this.#open(id, number, 'reveal')
    const entry = findSeat(e.entries, 'NotCommitted', sender)
    if (reveal.size <= 0) throw revert('EmptyReveal', {})
    if (entry.reveal !== null) throw revert('AlreadyRevealed', { account: sender })
    checkOpening(sender, entry.commitment, adapterCommitment(id, number, sender, reveal))
    const first = a.firsts.get(reveal.digest) ?? { account: sender, epoch: number }
    a.firsts.set(reveal.digest, first)
    entry.reveal = { digest: reveal.digest, size: reveal.size }
    entry.since = first.epoch
    entry.copied = first.account !== sender
    const shown = { digest: digestToHex(reveal.digest), size: reveal.size, copied: entry.copied }
    this.#tell(a, 'AdapterRevealed', { account: sender, ...shown })
    if (e.entries.every((one) => one.reveal !== null)) this.#endPhase(a, e)
  }

  commitScores(sender: Address, id: number, number: number, commitment: Hex): void {
    const { a, e } = this.#open(id, number, 'score')
    const seat = findSeat(e.validators, 'NotValidator', sender)
    if (seat.commitment !== null) throw revert('AlreadyCommitted', { commitment: seat.commitment })
    seat.commitment = commitment
    this.#tell(a, 'ArenaScoresCommitted', { account: sender, commitment })
    if (e.validators.every((s) => s.commitment !== null)) this.#endPhase(a, e)
  }

  revealScores(sender: Address, id: number, number: number, scores: readonly number[], salt: Hex): void {
    const { a, e } = this.#open(id, number, 'tally')
    const seat = findSeat(e.validators, 'NotValidator', sender)
    if (seat.commitment === null) throw revert('NotCommitted', { account: sender })
    if (seat.scores !== null) throw revert('AlreadyRevealed', { account: sender })
    const [length, expected] = [packScoreList(scores).byteLength, 2 * (e.entries.length + 1)]
    if (length !== expected) throw revert('BadScoresLength', { length, expected })
    checkOpening(sender, seat.commitment, arenaScoresCommitment(id, number, sender, scores, salt))
    seat.scores = [...scores]
    e.salts.push(salt)
    this.#tell(a, 'ArenaScoresRevealed', { account: sender, packedScores: hexlify(packScoreList(scores)) })
    if (e.validators.every((s) => s.commitment === null || s.scores !== null)) this.#endPhase(a, e)
  }

  advance(sender: Address, id: number): void {
    const a = this.#arena(id)
    const e = a.epochs.at(-1)
    const time = this.#world.time()
    if (a.phase === 'idle' || e === undefined || time < a.deadline)
      throw revert('NotDue', { deadline: a.deadline, time })
    const fee = (e.budget * BigInt(a.params.rules.keeperBps)) / BPS
    if (fee > 0n) {
      e.fees += fee
      a.poolLeft -= fee
      this.#owe(sender, fee)
      this.#tell(a, 'KeeperPaid', { account: sender, amount: fee })
    }
    this.#endPhase(a, e)
  }

  // ---- inside

  /** From the current phase to the next one that has something to wait for. Without a slice nobody shows an adapter. */
  #endPhase(a: MutableArena, e: MutableEpoch): void {
    if (a.phase === 'submit' && e.entries.length > 0) this.#enterPhase(a, 'slice')
    else if (a.phase === 'slice' && e.slice !== null) this.#enterPhase(a, 'reveal')
    else if (a.phase === 'reveal' && e.entries.some((s) => s.reveal !== null)) this.#enterPhase(a, 'score')
    else if (a.phase === 'score' && e.validators.some((s) => s.commitment !== null)) this.#enterPhase(a, 'tally')
    else this.#settle(a, e)
  }

  #enterPhase(a: MutableArena, phase: Exclude<ArenaPhase, 'idle'>): void {
    a.phase = phase
    a.deadline = this.#world.time() + a.params.seconds[phase]
    this.#tell(a, 'EpochPhase', { phase: ARENA_PHASES.indexOf(phase), deadline: a.deadline })
  }

  #settle(a: MutableArena, e: MutableEpoch): void {
    const result = settleEpoch({
      budget: e.budget - e.fees,
      rules: a.params.rules,
      slice: e.slice !== null,
      champion: e.champion !== null,
      entries: e.entries,
      validators: e.validators,
    })
    const settle = (
      { account, weight }: { readonly account: Address; readonly weight: bigint },
      { paid, slashBps }: { readonly paid: bigint; readonly slashBps: number },
      drawnAt: number,
    ): void => {
      if (paid > 0n) {
        this.#owe(account, paid - this.#world.reward(account, paid, weight, drawnAt))
        a.poolLeft -= paid
        this.#tell(a, 'ArenaRewarded', { account, amount: paid })
      }
      if (slashBps > 0) {
        const amount = this.#world.slash(account, slashBps, weight, drawnAt)
        this.#tell(a, 'ArenaPenalized', { account, bps: slashBps, amount })
      }
    }
    e.entries.forEach((entry, i) => {
      settle(entry, result.entries[i] as ArenaSettlement['entries'][number], entry.committedAt)
    })
    e.validators.forEach((seat, i) => {
      settle(seat, result.validators[i] as ArenaSettlement['validators'][number], e.startedAt)
    })
    const best = e.entries[result.next - 1]
    if (best?.reveal != null) {
      const { account, reveal } = best
      a.champion = { account, ...reveal, epoch: a.epochs.length }
      this.#tell(a, 'ChampionChanged', { account, digest: digestToHex(reveal.digest) })
    }
    const paid = [...result.entries, ...result.validators].reduce((sum, seat) => sum + seat.paid, 0n)
    this.#tell(a, 'EpochSettled', { paid, championMedian: result.championMedian })
    e.settlement = result
    a.phase = 'idle'
    a.deadline = 0
    if (a.epochs.length === a.params.epochs || this.#world.time() >= a.params.endsAt) this.#finish(a, 'finished')
  }

  #owe(account: Address, amount: bigint): void {
    const { claimable, earned } = this.credit(account)
    this.#credits.set(account, { claimable: claimable + amount, earned: earned + amount })
  }

  /** The creator's part of what is left goes back to it; the part of what others gave is burnt. */
  #finish(a: MutableArena, status: 'finished' | 'cancelled'): void {
    a.status = status
    const { claimable, earned } = this.credit(a.creator)
    const refund = creatorsPart(a.poolLeft, a.params.pool, a.granted)
    this.#credits.set(a.creator, { claimable: claimable + refund, earned })
    a.poolLeft = 0n
    this.#world.emit(status === 'finished' ? 'ArenaFinished' : 'ArenaCancelled', { arena: a.id, refund })
  }

  /** Of the arena's open epoch. */
  #tell(a: MutableArena, name: string, args: Readonly<Record<string, unknown>>): void {
    this.#world.emit(name, { arena: a.id, epoch: a.epochs.length, ...args })
  }

  /** Whole gwei by which an account counts; 0 below the minimum. */
  #units(a: MutableArena, account: Address): bigint {
    return this.#world.stakeOf(account) < a.params.minStake ? 0n : this.#world.weightOf(account) / GWEI
  }

  #arena(id: number): MutableArena {
    const a = this.#arenas[id - 1]
    if (a === undefined) throw revert('UnknownArena', { id })
    return a
  }

  #live(id: number): MutableArena {
    const a = this.#arena(id)
    if (!isOpen(a.status)) throw revert('ArenaClosed', { id, status: a.status })
    const { endsAt } = a.params
    if (this.#world.time() >= endsAt) throw revert('ArenaOver', { endsAt, time: this.#world.time() })
    return a
  }

  #open(id: number, number: number, phase: ArenaPhase): { a: MutableArena; e: MutableEpoch } {
    const a = this.#arena(id)
    const e = a.epochs[number - 1]
    if (e === undefined || number !== a.epochs.length)
      throw revert('WrongEpoch', { epoch: number, current: a.epochs.length })
    if (a.phase !== phase) throw revert('WrongArenaPhase', { phase: a.phase, expected: phase })
    const time = this.#world.time()
    if (time >= a.deadline) throw revert('DeadlinePassed', { deadline: a.deadline, time })
    return { a, e }
  }
}

/** Whoever has committed an adapter in the open epoch keeps its place until that is settled. */
function holds(a: MutableArena, account: Address): boolean {
  return a.phase !== 'idle' && (a.epochs.at(-1)?.entries.some((entry) => entry.account === account) ?? false)
}
