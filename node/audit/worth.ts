/** From rounds to accounts: what each one's deltas were worth in all, and what it was paid for them. */
import type { Address, RoundView } from '../../src/types/ledger.ts'

export interface AccountWorth {
  readonly account: Address
  /** as a proposer, in the audited rounds; and those in which its delta was included */
  readonly seats: number
  readonly included: number
  /** nats; its standard error over the orders that were drawn, 0 where nothing was drawn */
  readonly value: number
  readonly error: number
  /** of all values; null when they add up to nothing that could be shared */
  readonly share: number | null
  /** wei, for those seats */
  readonly paid: bigint
  /** nats a whole token; null when nothing was paid */
  readonly perToken: number | null
}

interface RoundShares {
  readonly round: number
  readonly shares: readonly { readonly accounts: readonly Address[]; readonly value: number; readonly error: number }[]
}

const WEI = 1e18

/**
 * @param views of the rounds that were audited, settled
 * @param rounds a share that several accounts have together is divided equally: their deltas were added with equal weight, and nobody saw one alone
 * @returns every account with a proposer's seat, the most worth first
 */
export function worthOf(
  views: readonly Pick<RoundView, 'proposers' | 'settlement'>[],
  rounds: readonly RoundShares[],
): readonly AccountWorth[] {
  const sums = new Map<Address, { seats: number; included: number; value: number; variance: number; paid: bigint }>()
  for (const { proposers, settlement } of views) {
    for (const [i, { account }] of proposers.entries()) {
      const sum = sums.get(account) ?? { seats: 0, included: 0, value: 0, variance: 0, paid: 0n }
      sum.seats++
      sum.paid += settlement?.proposers[i]?.paid ?? 0n
      sums.set(account, sum)
    }
  }
  for (const { accounts, value, error } of rounds.flatMap(({ shares }) => shares)) {
    for (const account of accounts) {
      const sum = sums.get(account)
      if (sum === undefined) continue
      sum.included++
      sum.value += value / accounts.length
      sum.variance += (error / accounts.length) ** 2
    }
  }
  const total = [...sums.values()].reduce((all, { value }) => all + value, 0)
  return [...sums]
    .map(([account, { seats, included, value, variance, paid }]): AccountWorth => {
      const tokens = Number(paid) / WEI
      return {
        account,
        seats,
        included,
        value,
        error: Math.sqrt(variance),
        share: total > 0 ? value / total : null,
        paid,
        perToken: tokens > 0 ? value / tokens : null,
      }
    })
    .sort((a, b) => b.value - a.value || (a.account < b.account ? -1 : 1))
}
