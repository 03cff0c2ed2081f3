/**
 * What accounts were found to add in earlier rounds of a task, by the scores that those were settled with: on chain, so that every voter
 * reads the same.
 */
import { SCORE_ABSENT, type Settlement } from '../../src/types/ledger.ts'

/** Rounds that are looked back at: more than enough for an honest node's good rounds to outweigh its bad ones, and few to read. */
export const STANDING_ROUNDS = 32

/** A round as it ended; `accounts` by seat. */
export interface EndedRound<A> {
  readonly accounts: readonly A[]
  readonly settlement: Pick<Settlement, 'proposers'> | null
}

/** @returns for each of `of` the sum of its scores in the newest rounds, 0 for who had no seat. @param ended from the oldest */
export function standings<A>(ended: readonly EndedRound<A>[], of: readonly A[]): number[] {
  const sums = new Map<A, number>()
  for (const { accounts, settlement } of ended.slice(-STANDING_ROUNDS))
    settlement?.proposers.forEach(({ median }, seat) => {
      const account = accounts[seat] as A
      if (median !== SCORE_ABSENT) sums.set(account, (sums.get(account) ?? 0) + median)
    })
  return of.map((account) => sums.get(account) ?? 0)
}
