/**
 * The numbers of delegation: docs/delegation.md in TypeScript. The contract's twin is contracts/libraries/Delegation.sol;
 * test/vectors/delegation.json holds both to the same results.
 *
 * Amounts are wei, shares of a reward 1/10,000; division truncates. A pool's `shares` are never fewer than its wei.
 */

const BPS = 10_000n
/** What is delegated counts up to this many times the operator's own stake. */
export const CAPACITY_FACTOR = 4n
export const MAX_COMMISSION_BPS = 5_000
/** A pool whose shares are worth less than this part of a wei is written off. */
const WORTHLESS = 10n ** 9n
/** Rewards per share are kept in units of 2^-128 wei. */
export const INDEX_BITS = 128n
/** Epochs in an unbonding period. */
const EPOCHS = 4

/** Tokens that many hold shares of: an operator's delegations, or what is asked back from it in one epoch. */
export interface Pool {
  /** wei */
  readonly assets: bigint
  readonly shares: bigint
  /** how often the pool was written off; shares of an earlier generation are worth nothing */
  readonly generation: number
}

export const EMPTY_POOL: Pool = { assets: 0n, shares: 0n, generation: 0 }

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b)

/** Shares that `assets` wei buy, at least as many as wei. */
export function sharesFor(pool: Pool, assets: bigint): bigint {
  return pool.shares === 0n ? assets : (assets * pool.shares) / pool.assets
}

/** What `shares` of the pool's generation are worth, wei. */
export function assetsFor(pool: Pool, shares: bigint): bigint {
  return pool.shares === 0n ? 0n : (shares * pool.assets) / pool.shares
}

/** The fewest shares that cover `assets` wei, of a pool that is not empty. */
export function sharesToCover(pool: Pool, assets: bigint): bigint {
  return (assets * pool.shares + pool.assets - 1n) / pool.assets
}

export function joinPool(pool: Pool, assets: bigint): { readonly pool: Pool; readonly shares: bigint } {
  const shares = sharesFor(pool, assets)
  return { pool: { ...pool, assets: pool.assets + assets, shares: pool.shares + shares }, shares }
}

export function leavePool(pool: Pool, assets: bigint, shares: bigint): Pool {
  return { ...pool, assets: pool.assets - assets, shares: pool.shares - shares }
}

/** Takes `amount` wei out of a pool; when its shares are worthless then, the rest goes too and the next generation begins. */
export function cutPool(pool: Pool, amount: bigint): { readonly pool: Pool; readonly lost: bigint } {
  const assets = pool.assets - amount
  if (assets * WORTHLESS >= pool.shares) return { pool: { ...pool, assets }, lost: amount }
  return { pool: { assets: 0n, shares: 0n, generation: pool.generation + 1 }, lost: pool.assets }
}

/** Most that may be delegated to an operator with `own` wei at stake. */
export function capacityOf(own: bigint): bigint {
  return own * CAPACITY_FACTOR
}

/** What an operator is drawn by, wei. */
export function weightOf(own: bigint, delegated: bigint): bigint {
  return own + least(delegated, capacityOf(own))
}

/** The part of an operator's reward that goes to its delegators: by stake, less the commission. */
export function delegatorsPart(reward: bigint, own: bigint, delegated: bigint, commissionBps: number): bigint {
  if (delegated === 0n) return 0n
  return (((reward * delegated) / (own + delegated)) * (BPS - BigInt(commissionBps))) / BPS
}

/**
 * The most own stake that an operator can have had when `weight` was drawn and `delegated` stood behind it, wei: what it
 * deposits later must not make its delegators' part of that round's reward smaller.
 */
export function ownAtDraw(own: bigint, delegated: bigint, weight: bigint): bigint {
  // past its capacity what is delegated does not count, and the own stake is a fixed part of the weight
  return least(own, most(weight - delegated, weight / (CAPACITY_FACTOR + 1n)))
}

/** What a slash takes in all, wei: `bps` of what is at risk, counted no higher than it was at the draw. */
export function lossOf(atRisk: bigint, atDraw: bigint, bps: number): bigint {
  return (least(atRisk, atDraw) * BigInt(bps)) / BPS
}

/** One holder's part of a loss, wei. */
export function partOfLoss(total: bigint, part: bigint, atRisk: bigint): bigint {
  return atRisk === 0n ? 0n : (total * part) / atRisk
}

/** How much `amount` wei raise the rewards per share, 2^-128 wei. */
export function indexStep(amount: bigint, shares: bigint): bigint {
  return (amount << INDEX_BITS) / shares
}

/** Rewards of `shares` while the index rose by `step`, wei. */
export function accrued(shares: bigint, step: bigint): bigint {
  return (shares * step) >> INDEX_BITS
}

/** Seconds of one epoch: what is asked back in it unbonds together. */
export function epochSeconds(unbondingSeconds: number): number {
  return Math.floor(unbondingSeconds / EPOCHS) + 1
}

/** When the stake that was asked back in an epoch is free, unix seconds: a whole period after the epoch's end. */
export function freeAt(epoch: number, unbondingSeconds: number): number {
  return (epoch + 1) * epochSeconds(unbondingSeconds) + unbondingSeconds
}

/** Epochs whose buckets a slash for a round drawn at `drawnAt` reaches: not finished, and not asked back before it. */
export function epochsAtRisk(
  drawnAt: number,
  now: number,
  unbondingSeconds: number,
): { readonly first: number; readonly last: number } {
  const seconds = epochSeconds(unbondingSeconds)
  const unfinished = now > unbondingSeconds ? Math.floor((now - unbondingSeconds) / seconds) : 0
  return { first: Math.max(Math.floor(drawnAt / seconds), unfinished), last: Math.floor(now / seconds) }
}
