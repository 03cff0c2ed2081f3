/** test/vectors/settlement.json as values of the right types, for both languages' tests. */
import { readFileSync } from 'node:fs'
import type { SettlementInput } from '../../src/round/settlement.ts'
import type { Scores, Settlement, SettlementRules } from '../../src/types/ledger.ts'

interface StoredCase {
  readonly name: string
  readonly input: {
    readonly round: number
    readonly budget: string
    readonly probe: boolean
    readonly rules: SettlementRules
    readonly proposers: readonly {
      readonly weight: string
      readonly committed: boolean
      readonly baseDigest: string | null
    }[]
    readonly voters: readonly { readonly weight: string; readonly committed: boolean; readonly scores: Scores | null }[]
  }
  readonly expected: Omit<Settlement, 'proposers' | 'voters'> & {
    readonly proposers: readonly (Omit<Settlement['proposers'][number], 'paid'> & { readonly paid: string })[]
    readonly voters: readonly (Omit<Settlement['voters'][number], 'paid'> & { readonly paid: string })[]
  }
}

export interface SettlementCase {
  readonly name: string
  readonly input: SettlementInput
  readonly expected: Settlement
}

const COMMITMENT = `0x${'11'.repeat(32)}` as const

/** Every stored case. */
export function settlementCases(): SettlementCase[] {
  const path = new URL('../vectors/settlement.json', import.meta.url)
  const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: StoredCase[] }
  return cases.map(({ name, input, expected }) => ({
    name,
    input: {
      ...input,
      budget: BigInt(input.budget),
      proposers: input.proposers.map((p) => ({
        weight: BigInt(p.weight),
        commitment: p.committed ? COMMITMENT : null,
        reveal: p.baseDigest === null ? null : { digest: 'dd'.repeat(32), size: 1, baseDigest: p.baseDigest },
      })),
      voters: input.voters.map((v) => ({
        weight: BigInt(v.weight),
        commitment: v.committed ? COMMITMENT : null,
        scores: v.scores,
      })),
    },
    expected: {
      ...expected,
      proposers: expected.proposers.map((p) => ({ ...p, paid: BigInt(p.paid) })),
      voters: expected.voters.map((v) => ({ ...v, paid: BigInt(v.paid) })),
    },
  }))
}
