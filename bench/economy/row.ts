import type { Holder } from './market.ts'

/** One kind's lot in one setting: means over its holders and the seeds; percentages of what it put at stake. */
export interface EconomyRow {
  readonly setting: string
  readonly kind: Holder['kind']
  readonly voters: number
  /** of the stake, at the beginning */
  readonly share: number
  /** rewards less losses, a round, percent of the stake; and its standard error over the seeds */
  readonly net: number
  readonly error: number
  /** rewards alone */
  readonly earned: number
  /** part of the stake that was slashed by the end */
  readonly slashed: number
  /** of proposer's seats; null when it never had one */
  readonly included: number | null
}
