/**
 * Voters on a bench: they measure what a node's voters measure (node/scoring), the settlement that is on chain judges by quickstart's
 * rules, and stake that is slashed is gone: who has less than the minimum is not drawn again.
 */
import { MIN_STAKE, quickstartTerms, STAKE, type TermChoices } from '../../cli/cmds/quickstart/spec.ts'
import { lyingScores } from '../../node/attacks.ts'
import type { Canaries } from '../../node/scoring/canaries.ts'
import { measureRound } from '../../node/scoring/measure.ts'
import { standings } from '../../node/scoring/standing.ts'
import { roundBudget, settle } from '../../src/round/settlement.ts'
import type { PackedBatch } from '../../src/types/data.ts'
import type { Inference } from '../../src/types/engine.ts'
import { SCORE_ABSENT, type Scores, type Settlement } from '../../src/types/ledger.ts'
import type { Judge, Unsettled } from '../interference.ts'

type EvalSet = readonly PackedBatch[]

export interface VotersOptions {
  readonly terms: TermChoices
  /** nodes */
  readonly nodes: number
  readonly inference: Inference
  /** one a round */
  readonly slices: readonly EvalSet[]
  /** by node: what its veto is measured on */
  readonly held: readonly (EvalSet | null)[]
  readonly canaries: Canaries | null
  readonly isLiar: (node: number) => boolean
  /** liars among the voters lie as well */
  readonly lyingVotes: boolean
}

export interface Voters extends Judge {
  /** of each round, with the nodes that had its seats */
  readonly settled: readonly {
    readonly settlement: Settlement
    readonly seats: readonly number[]
    readonly voters: readonly number[]
  }[]
}

/** Every chain has some; settlements look at whether two are the same only. */
const BASE = '0'.repeat(64)
const COMMITMENT = '0x00'
const BPS = 10_000n

export function openVoters(options: VotersOptions): Voters {
  const stakes = Array.from({ length: options.nodes }, () => STAKE)
  const settled: { settlement: Settlement; seats: readonly number[]; voters: readonly number[] }[] = []
  const { rules, pool, rounds } = quickstartTerms(options.terms)
  const slash = (node: number, bps: number): void => {
    stakes[node] = ((stakes[node] as bigint) * (BPS - BigInt(bps))) / BPS
  }
  return {
    settled,
    barred: (node) => (stakes[node] as bigint) < MIN_STAKE,
    async judge(round) {
      const { seats, voters } = round
      const ended = settled.map(({ settlement, seats }) => ({ accounts: seats, settlement }))
      const measure = measuring(options, round, standings(ended, seats))
      const votes: Scores[] = []
      for (const node of voters) {
        const { scores } = await measure(options.held[node] ?? null)
        const lies = options.lyingVotes && options.isLiar(node)
        votes.push(lies ? lyingScores(scores, (seat) => options.isLiar(seats[seat] as number)) : scores)
      }
      const settlement = settle({
        round: round.round,
        budget: roundBudget(pool, rounds, 1),
        probe: true,
        rules,
        proposers: seats.map((node) => ({
          weight: stakes[node] as bigint,
          commitment: COMMITMENT,
          reveal: { digest: BASE, size: 1, baseDigest: BASE },
        })),
        voters: voters.map((node, i) => ({
          weight: stakes[node] as bigint,
          commitment: COMMITMENT,
          scores: votes[i] ?? null,
        })),
      })
      for (const [i, { slashBps }] of settlement.proposers.entries()) slash(seats[i] as number, slashBps)
      for (const [i, { slashBps }] of settlement.voters.entries()) slash(voters[i] as number, slashBps)
      settled.push({ settlement, seats, voters })
      const included = settlement.proposers.map(({ outcome }) => outcome === 'included')
      return { included, rolledBack: settlement.rolledBack }
    },
  }
}

/** A round as its voters measure it. What is the same for all of them, the probe and the canaries, is measured once: honest voters agree to the bit. */
function measuring(options: VotersOptions, round: Unsettled, standing: readonly number[]) {
  const { inference, slices, canaries } = options
  const { rules } = quickstartTerms(options.terms)
  const { step, seats, usable, incumbent, before } = round
  const nameOf = (gone: ReadonlySet<number>): string => [...gone].sort().join(' ')
  const without = once(step.without, nameOf)
  const letIn = once(step.letIn, (i, gone) => `${i} ${nameOf(gone)}`)
  const alone = once(step.alone, String)
  const losses = new Map<Float32Array, Map<EvalSet, number>>()
  const loss = async (adapter: Float32Array, set: EvalSet): Promise<number> => {
    const of = losses.get(adapter) ?? new Map<EvalSet, number>()
    losses.set(adapter, of)
    const known = of.get(set)
    if (known !== undefined) return known
    inference.setAdapter(adapter)
    const result = await inference.evaluate(set)
    of.set(set, result.loss)
    return result.loss
  }
  return (held: EvalSet | null) =>
    measureRound({
      step: usable.length === 0 ? null : { ...step, without, letIn, alone },
      seats: usable.map((seat) => [seat]),
      marks: seats.map(() => ({ probe: SCORE_ABSENT, private: SCORE_ABSENT })),
      standing,
      incumbent,
      before,
      slice: slices[round.round - 1] ?? null,
      held,
      canaries,
      rules,
      loss,
    })
}

function once<A extends unknown[], V>(make: (...args: A) => V, nameOf: (...args: A) => string): (...args: A) => V {
  const made = new Map<string, V>()
  return (...args) => {
    const name = nameOf(...args)
    const known = made.get(name) ?? make(...args)
    made.set(name, known)
    return known
  }
}
