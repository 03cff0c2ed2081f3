/** What a transaction offers (EIP-1559), and what the next one for its nonce must offer to take its place. */
import type { Fees } from '../rpc/rpc.ts'

/** Nodes take a replacement only for 10 % more of both fees (geth's txpool.pricebump); a little more outlives their rounding. */
const BUMP_PERCENT = 13n
const LEAST_BUMP_PERCENT = 10n

export function capped(fees: Fees, cap: bigint): Fees {
  const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)
  const maxFeePerGas = least(fees.maxFeePerGas, cap)
  return { maxFeePerGas, maxPriorityFeePerGas: least(fees.maxPriorityFeePerGas, maxFeePerGas) }
}

/**
 * Fees that replace a transaction: at least what the market asks, and enough more than `last` that nodes take it.
 * @param cap wei per gas that is never exceeded
 * @returns null when the cap leaves no room for that
 */
export function raised(last: Fees, market: Fees, cap: bigint): Fees | null {
  const up = (old: bigint, percent: bigint): bigint => (old * (100n + percent) + 99n) / 100n + 1n
  const reach = (old: bigint, now: bigint): bigint | null => {
    const wanted = up(old, BUMP_PERCENT) > now ? up(old, BUMP_PERCENT) : now
    if (wanted <= cap) return wanted
    return up(old, LEAST_BUMP_PERCENT) <= cap ? cap : null
  }
  const maxFeePerGas = reach(last.maxFeePerGas, market.maxFeePerGas)
  const tip = reach(last.maxPriorityFeePerGas, market.maxPriorityFeePerGas)
  if (maxFeePerGas === null || tip === null) return null
  if (tip <= maxFeePerGas) return { maxFeePerGas, maxPriorityFeePerGas: tip }
  // a tip above the whole fee is refused; one that cannot rise enough below it, too
  return up(last.maxPriorityFeePerGas, LEAST_BUMP_PERCENT) <= maxFeePerGas
    ? { maxFeePerGas, maxPriorityFeePerGas: maxFeePerGas }
    : null
}
