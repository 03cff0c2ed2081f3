/** The emissions contract's view structs (contracts/interfaces/IEmissions.sol) as the types of src/types/emissions.ts. */
import type { EmissionsView } from '../../types/emissions.ts'
import type { Hex } from '../../types/ledger.ts'
import { decodeAnswer } from './answer.ts'
import { emissionsInterface } from './contracts.ts'

interface RawView {
  readonly terms: {
    readonly supply: bigint
    readonly rate: bigint
    readonly holderBps: bigint
    readonly fullWeight: bigint
  }
  readonly clock: {
    readonly left: bigint
    readonly given: bigint
    readonly day: bigint
    readonly counted: bigint
  }
  readonly today: bigint
  readonly totalWeight: bigint
}

/** What `emission()` returns. @throws CoveyError E_CONTRACT when the bytes are not that */
export function decodeEmissions(data: Hex): EmissionsView {
  const answer = decodeAnswer(emissionsInterface, 'emissions contract', 'emission', data)[0] as RawView
  const { terms, clock, today, totalWeight } = answer
  const opened = clock.counted !== 0n
  return {
    terms: {
      supply: terms.supply,
      rate: Number(terms.rate),
      holderBps: Number(terms.holderBps),
      fullWeight: terms.fullWeight,
    },
    opened,
    emitted: opened ? terms.supply - clock.left + clock.given : 0n,
    day: Number(clock.day),
    today,
    totalWeight,
  }
}
