/**
 * The stake vault's rules in memory: contracts/StakeVault.sol, number for number. It counts stakes only; what enters or
 * leaves a wallet is the chain's business.
 */
import type { Pool } from '../../round/delegation.ts'
import {
  accrued,
  assetsFor,
  capacityOf,
  cutPool,
  delegatorsPart,
  EMPTY_POOL,
  epochSeconds,
  epochsAtRisk,
  freeAt,
  indexStep,
  joinPool,
  leavePool,
  lossOf,
  MAX_COMMISSION_BPS,
  ownAtDraw,
  partOfLoss,
  sharesToCover,
  weightOf,
} from '../../round/delegation.ts'
import type { Address, DelegationView, OperatorView, UnbondingView } from '../../types/ledger.ts'
import { revert } from '../abi/revert.ts'

/** As the contract. */
const MAX_DELEGATIONS = 16
const MAX_UNBONDINGS = 16

interface Operator {
  stake: bigint
  delegated: Pool
  commissionBps: number
  next: { readonly commissionBps: number; readonly from: number } | null
  open: boolean
  /** ever burnt for its faults, wei */
  slashed: bigint
  /** rewards per earning share, 2^-128 wei */
  index: bigint
  /** of the pool's shares, those that do not earn yet */
  early: bigint
  late: bigint
  /** when the last of each were bought, unix seconds */
  earlyAt: number
  lateAt: number
  /** number of the early cohort; the late one is the next */
  cohort: number
  /** cohort -> index from which on it earns */
  readonly firstIndex: Map<number, bigint>
  /** generation -> index when it was written off */
  readonly finalIndex: Map<number, bigint>
  readonly buckets: Map<number, Pool>
  readonly positions: Map<Address, Position>
}

interface Position {
  /** those that earn */
  shares: bigint
  generation: number
  owed: bigint
  index: bigint
  /** the operator's number when the position was last looked at: `early` and `late` count from there */
  cohort: number
  early: bigint
  late: bigint
}

const heldBy = (p: Position): bigint => p.shares + p.early + p.late

interface Entry {
  readonly operator: Address
  readonly epoch: number
  generation: number
  shares: bigint
}

export class MemoryVault {
  readonly unbondingSeconds: number
  readonly #operators = new Map<Address, Operator>()
  readonly #list: Address[] = []
  readonly #delegations = new Map<Address, Address[]>()
  readonly #entries = new Map<Address, Entry[]>()

  constructor(unbondingSeconds: number) {
    this.unbondingSeconds = unbondingSeconds
  }

  // ---- views

  stakeOf(account: Address): bigint {
    return this.#operator(account).stake
  }

  weightOf(account: Address): bigint {
    const { stake, delegated } = this.#operator(account)
    return weightOf(stake, delegated.assets)
  }

  slashedOf(account: Address): bigint {
    return this.#operator(account).slashed
  }

  /** in the order in which the contract lists them, which says nothing */
  unbondings(account: Address): UnbondingView[] {
    return (this.#entries.get(account) ?? []).map((entry) => ({
      operator: entry.operator,
      amount: this.#worth(entry),
      unbondsAt: freeAt(entry.epoch, this.unbondingSeconds),
    }))
  }

  delegations(account: Address): DelegationView[] {
    return (this.#delegations.get(account) ?? []).map((operator) => {
      const o = this.#operator(operator)
      const p = o.positions.get(account) as Position
      const shares = p.generation === o.delegated.generation ? heldBy(p) : 0n
      return { operator, amount: assetsFor(o.delegated, shares), shares, rewards: p.owed + this.#accrued(o, p) }
    })
  }

  operators(now: number): OperatorView[] {
    return this.#list.map((account) => this.operator(account, now))
  }

  operator(account: Address, now: number): OperatorView {
    const o = this.#operator(account)
    return {
      account,
      stake: o.stake,
      delegated: o.delegated.assets,
      capacity: capacityOf(o.stake),
      commissionBps: this.#commission(o, now),
      next: o.next !== null && o.next.from > now ? o.next : null,
      open: o.open,
    }
  }

  // ---- own stake

  deposit(account: Address, amount: bigint): void {
    if (amount <= 0n) throw revert('ZeroAmount', {})
    this.#operator(account).stake += amount
  }

  requestWithdraw(account: Address, amount: bigint, now: number): void {
    if (amount <= 0n) throw revert('ZeroAmount', {})
    const o = this.#operator(account)
    if (amount > o.stake) throw revert('InsufficientStake', { stake: o.stake, amount })
    this.#unbond(account, account, amount, now)
    o.stake -= amount
  }

  /** What has finished unbonding, wei. */
  withdraw(account: Address, now: number): bigint {
    const entries = this.#entries.get(account) ?? []
    if (entries.length === 0) throw revert('NothingUnbonding', {})
    const free = entries.filter((entry) => freeAt(entry.epoch, this.unbondingSeconds) <= now)
    if (free.length === 0) {
      const unbondsAt = Math.min(...entries.map((entry) => freeAt(entry.epoch, this.unbondingSeconds)))
      throw revert('StillUnbonding', { unbondsAt })
    }
    let amount = 0n
    for (const entry of free) {
      const { buckets } = this.#operator(entry.operator)
      const bucket = buckets.get(entry.epoch) as Pool
      if (entry.generation !== bucket.generation) continue
      const assets = assetsFor(bucket, entry.shares)
      buckets.set(entry.epoch, leavePool(bucket, assets, entry.shares))
      amount += assets
    }
    this.#entries.set(
      account,
      entries.filter((entry) => !free.includes(entry)),
    )
    return amount
  }

  // ---- delegation

  setCommission(operator: Address, commissionBps: number, now: number): void {
    if (commissionBps > MAX_COMMISSION_BPS)
      throw revert('CommissionTooHigh', { commissionBps, most: MAX_COMMISSION_BPS })
    const o = this.#operator(operator)
    if (!this.#list.includes(operator)) this.#list.push(operator)
    o.open = true
    const current = this.#commission(o, now)
    const atOnce = commissionBps <= current || o.delegated.shares === 0n
    o.commissionBps = atOnce ? commissionBps : current
    o.next = atOnce ? null : { commissionBps, from: now + this.unbondingSeconds }
  }

  closeDelegation(operator: Address): void {
    const o = this.#operator(operator)
    if (!o.open) throw revert('DelegationNotOpen', { operator })
    o.open = false
  }

  delegate(account: Address, operator: Address, amount: bigint, mostCommissionBps: number, now: number): void {
    if (amount <= 0n) throw revert('ZeroAmount', {})
    if (operator === account) throw revert('DelegatesToItself', { operator })
    const o = this.#operator(operator)
    if (!o.open) throw revert('DelegationNotOpen', { operator })
    const commissionBps = Math.max(this.#commission(o, now), o.next?.commissionBps ?? 0)
    if (commissionBps > mostCommissionBps) throw revert('CommissionTooHigh', { commissionBps, most: mostCommissionBps })
    const [delegated, capacity] = [o.delegated.assets + amount, capacityOf(o.stake)]
    if (delegated > capacity) throw revert('CapacityExceeded', { delegated, capacity })
    const list = this.#delegations.get(account) ?? []
    if (!list.includes(operator)) {
      if (list.length === MAX_DELEGATIONS) throw revert('TooManyDelegations', { limit: MAX_DELEGATIONS })
      this.#delegations.set(account, [...list, operator])
    }
    const p = this.#credited(o, account)
    const { pool, shares } = joinPool(o.delegated, amount)
    o.delegated = pool
    if (o.early === 0n && o.late === 0n) o.earlyAt = now
    const cohort = o.earlyAt === now ? 'early' : 'late'
    if (cohort === 'late') o.lateAt = now
    o[cohort] += shares
    p[cohort] += shares
  }

  /** @param amount wei; null = all */
  undelegate(account: Address, operator: Address, amount: bigint | null, now: number): void {
    if (amount !== null && amount <= 0n) throw revert('ZeroAmount', {})
    const o = this.#operator(operator)
    const p = this.#credited(o, account)
    const held = heldBy(p)
    const worth = assetsFor(o.delegated, held)
    if (held === 0n || (amount !== null && amount > worth))
      throw revert('InsufficientDelegation', { delegated: worth, amount: amount ?? 2n ** 256n - 1n })
    const shares = amount === null ? held : sharesToCover(o.delegated, amount)
    const assets = amount ?? worth
    if (assets > 0n) this.#unbond(account, operator, assets, now)
    o.delegated = leavePool(o.delegated, assets, shares)
    // those that do not earn yet go first
    let left = shares
    for (const cohort of ['late', 'early'] as const) {
      const taken = left < p[cohort] ? left : p[cohort]
      p[cohort] -= taken
      o[cohort] -= taken
      left -= taken
    }
    p.shares -= left
    this.#unlistWhenEmpty(account, operator, p)
  }

  /** Rewards that were not claimed yet, wei. */
  claimDelegation(account: Address, operator: Address): bigint {
    const o = this.#operator(operator)
    const p = this.#credited(o, account)
    const amount = p.owed
    const listed = this.#delegations.get(account)?.includes(operator) ?? false
    if (amount === 0n && (heldBy(p) > 0n || !listed)) throw revert('NothingToClaimFrom', { operator })
    p.owed = 0n
    this.#unlistWhenEmpty(account, operator, p)
    return amount
  }

  // ---- what the tasks do

  /** The delegators' part of a reward, which the vault holds from now on, wei. @param weight of the seat */
  reward(operator: Address, total: bigint, weight: bigint, drawnAt: number, now: number): bigint {
    const o = this.#operator(operator)
    // both cohorts may be over: the late one becomes the early one first
    for (let i = 0; i < 2 && (o.early > 0n || o.late > 0n) && drawnAt > o.earlyAt; i++) this.#beginEarning(o)
    const earning = o.delegated.shares - o.early - o.late
    if (earning === 0n) return 0n
    const assets = assetsFor(o.delegated, earning)
    const amount = delegatorsPart(total, ownAtDraw(o.stake, assets, weight), assets, this.#commission(o, now))
    o.index += indexStep(amount, earning)
    return amount
  }

  /** What is burnt, wei. @param weight stake at the draw */
  slash(operator: Address, bps: number, weight: bigint, drawnAt: number, now: number): bigint {
    const o = this.#operator(operator)
    const { first, last } = epochsAtRisk(drawnAt, now, this.unbondingSeconds)
    const buckets = [...o.buckets].filter(([epoch]) => epoch >= first && epoch <= last)
    const atRisk = buckets.reduce((sum, [, bucket]) => sum + bucket.assets, o.stake + o.delegated.assets)
    const total = lossOf(atRisk, weight, bps)
    const ofStake = partOfLoss(total, o.stake, atRisk)
    const ofDelegated = partOfLoss(total, o.delegated.assets, atRisk)
    let amount = ofStake
    o.stake -= ofStake
    if (ofDelegated > 0n) {
      const { pool, lost } = cutPool(o.delegated, ofDelegated)
      if (pool.generation !== o.delegated.generation) {
        o.finalIndex.set(o.delegated.generation, o.index)
        // who still waited earns nothing
        this.#beginEarning(o)
        this.#beginEarning(o)
      }
      o.delegated = pool
      amount += lost
    }
    for (const [epoch, bucket] of buckets) {
      const part = partOfLoss(total, bucket.assets, atRisk)
      if (part === 0n) continue
      const { pool, lost } = cutPool(bucket, part)
      o.buckets.set(epoch, pool)
      amount += lost
    }
    o.slashed += amount
    return amount
  }

  // ---- inside

  #operator(account: Address): Operator {
    const known = this.#operators.get(account)
    if (known !== undefined) return known
    const fresh: Operator = {
      stake: 0n,
      delegated: EMPTY_POOL,
      commissionBps: 0,
      next: null,
      open: false,
      slashed: 0n,
      index: 0n,
      early: 0n,
      late: 0n,
      earlyAt: 0,
      lateAt: 0,
      cohort: 0,
      firstIndex: new Map(),
      finalIndex: new Map(),
      buckets: new Map(),
      positions: new Map(),
    }
    this.#operators.set(account, fresh)
    return fresh
  }

  #commission(o: Operator, now: number): number {
    return o.next !== null && now >= o.next.from ? o.next.commissionBps : o.commissionBps
  }

  /** The position with its rewards up to now added, in the pool's present generation. */
  #credited(o: Operator, account: Address): Position {
    const { generation } = o.delegated
    const p = o.positions.get(account) ?? {
      shares: 0n,
      generation,
      owed: 0n,
      index: 0n,
      cohort: o.cohort,
      early: 0n,
      late: 0n,
    }
    o.positions.set(account, p)
    p.owed += this.#accrued(o, p)
    if (p.generation !== generation) Object.assign(p, { generation, shares: 0n, early: 0n, late: 0n })
    for (; p.cohort < o.cohort; p.cohort++) Object.assign(p, { shares: p.shares + p.early, early: p.late, late: 0n })
    p.index = o.index
    return p
  }

  #accrued(o: Operator, p: Position): bigint {
    const index = p.generation === o.delegated.generation ? o.index : (o.finalIndex.get(p.generation) as bigint)
    const since = (shares: bigint, first: bigint): bigint => (shares === 0n ? 0n : accrued(shares, index - first))
    let sum = since(p.shares, p.index)
    const shares = [p.early, p.late]
    for (let i = 0; i < Math.min(2, o.cohort - p.cohort); i++)
      sum += since(shares[i] as bigint, o.firstIndex.get(p.cohort + i) as bigint)
    return sum
  }

  #beginEarning(o: Operator): void {
    o.firstIndex.set(o.cohort++, o.index)
    Object.assign(o, { early: o.late, late: 0n, earlyAt: o.lateAt })
  }

  #unlistWhenEmpty(account: Address, operator: Address, p: Position): void {
    if (heldBy(p) > 0n || p.owed > 0n) return
    const list = this.#delegations.get(account) ?? []
    this.#delegations.set(
      account,
      list.filter((other) => other !== operator),
    )
  }

  #worth(entry: Entry): bigint {
    const bucket = this.#operator(entry.operator).buckets.get(entry.epoch) as Pool
    return entry.generation === bucket.generation ? assetsFor(bucket, entry.shares) : 0n
  }

  #unbond(account: Address, operator: Address, assets: bigint, now: number): void {
    const o = this.#operator(operator)
    const epoch = Math.floor(now / epochSeconds(this.unbondingSeconds))
    const entries = this.#entries.get(account) ?? []
    const known = entries.find((entry) => entry.operator === operator && entry.epoch === epoch)
    if (known === undefined && entries.length === MAX_UNBONDINGS)
      throw revert('TooManyUnbonding', { limit: MAX_UNBONDINGS })
    const { pool, shares } = joinPool(o.buckets.get(epoch) ?? EMPTY_POOL, assets)
    o.buckets.set(epoch, pool)
    const { generation } = pool
    if (known === undefined) this.#entries.set(account, [...entries, { operator, epoch, generation, shares }])
    // of an earlier generation nothing is left
    else if (known.generation === generation) known.shares += shares
    else Object.assign(known, { generation, shares })
  }
}
