/** test/vectors/arena.json as values of the right types, for both languages' tests. */
import { readFileSync } from 'node:fs'
import type { ArenaInput } from '../../src/round/arena.ts'
import type { ArenaRules, ArenaSettlement } from '../../src/types/arena.ts'

interface StoredCase {
  readonly name: string
  readonly input: {
    readonly budget: string
    readonly rules: ArenaRules
    readonly slice: boolean
    readonly champion: boolean
    readonly entries: readonly {
      readonly weight: string
      readonly revealed: boolean
      readonly copied: boolean
      readonly since: number
    }[]
    readonly validators: readonly {
      readonly weight: string
      readonly committed: boolean
      readonly scores: readonly number[] | null
    }[]
  }
  readonly expected: Omit<ArenaSettlement, 'entries' | 'validators'> & {
    readonly entries: readonly (Omit<ArenaSettlement['entries'][number], 'paid'> & { readonly paid: string })[]
    readonly validators: readonly (Omit<ArenaSettlement['validators'][number], 'paid'> & { readonly paid: string })[]
  }
}

export interface ArenaCase {
  readonly name: string
  readonly input: ArenaInput
  readonly expected: ArenaSettlement
}

const COMMITMENT = `0x${'11'.repeat(32)}` as const

/** Every stored case. */
export function arenaCases(): ArenaCase[] {
  const path = new URL('../vectors/arena.json', import.meta.url)
  const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: StoredCase[] }
  return cases.map(({ name, input, expected }) => ({
    name,
    input: {
      ...input,
      budget: BigInt(input.budget),
      entries: input.entries.map((e) => ({
        weight: BigInt(e.weight),
        reveal: e.revealed ? { digest: 'dd'.repeat(32), size: 1 } : null,
        copied: e.copied,
        since: e.since,
      })),
      validators: input.validators.map((v) => ({
        weight: BigInt(v.weight),
        commitment: v.committed ? COMMITMENT : null,
        scores: v.scores,
      })),
    },
    expected: {
      ...expected,
      entries: expected.entries.map((e) => ({ ...e, paid: BigInt(e.paid) })),
      validators: expected.validators.map((v) => ({ ...v, paid: BigInt(v.paid) })),
    },
  }))
}
