/** Which cells a bench of attacks has: attack × share of liars × split × how deltas are defended against. */
import { ATTACKS } from '../../node/attacks.ts'
import { parseAttack } from '../../node/misbehave.ts'
import { ROBUST_STEPS } from '../../src/aggregate/robust/steps.ts'
import { CoveyError } from '../../src/base/errors.ts'
import type { RobustStepName } from '../../src/types/spec.ts'

/** Robust steps before the rule, votes that exclude what harms the probe, and canaries that the voters look at. */
export interface Defence {
  readonly robust: readonly RobustStepName[]
  readonly probe: boolean
  readonly canaries: boolean
  /** nobody has this one: it knows the liars and draws none of them. What it reaches is what a defence can reach */
  readonly oracle: boolean
}

export type Split = 'domain' | 'mixed'

/** As an attack: those who could lie do not. */
const NOBODY = 'none'

export interface Cell {
  readonly split: Split
  /** as `--attack` takes it; null = nobody lies */
  readonly attack: string | null
  /** liars among the nodes, asked for */
  readonly share: number
  /** as `--defences` takes it */
  readonly aggregator: string
}

/** Every rule that exists, alone and as it would be used; the votes that every task has. */
export const DEFENCES =
  'none;clip;probe;clip,probe;multi-krum;clip,multi-krum;geometric-median;centred-clip;median;trimmed-mean;cosine-gate;drop-copies,clip;bucketing,geometric-median;probe,canary;oracle'

/** Steps, `probe` and `canary` (which is a vote, too) with commas between them; `none`; `oracle`. @throws CoveyError E_ARGUMENT */
export function parseDefence(text: string): Defence {
  if (text === 'oracle') return { robust: [], probe: false, canaries: false, oracle: true }
  const words = text === 'none' ? [] : text.split(',')
  const robust = words.filter((word): word is RobustStepName => ROBUST_STEPS.some((step) => step === word))
  const canaries = words.includes('canary')
  const probe = words.includes('probe')
  if (robust.length + Number(canaries) + Number(probe) !== words.length || (canaries && !probe))
    throw new CoveyError(
      'E_ARGUMENT',
      `--defences: expected none, oracle, or some of ${ROBUST_STEPS.join(', ')}, probe, and canary with probe; got ${text}`,
    )
  return { robust, probe, canaries, oracle: false }
}

/**
 * What a cell is compared with: the same nodes with the same data, of whom nobody lies, and nothing is defended. How the data is
 * dealt hangs on the share of liars (they get copies of what honest nodes have), so each share has a yardstick of its own.
 */
export function yardstickOf({ split, share }: Pick<Cell, 'split' | 'share'>): Cell {
  return { split, attack: null, share, aggregator: 'none' }
}

/**
 * Cells in the order in which they are worth having: without liars first, then share by share, and a defence's whole row before the
 * next one's. The attack `none` is what a defence costs where those who could lie do not. Lying votes are left out where nobody votes,
 * and canaries where nothing is hidden behind a trigger: those cells would repeat others. Without a liar the oracle knows nothing.
 */
export function cellsOf(asked: {
  readonly splits: readonly Split[]
  readonly shares: readonly number[]
  readonly attacks: readonly string[]
  readonly defences: readonly string[]
}): Cell[] {
  const names = asked.attacks.map((text) =>
    text === NOBODY ? { attack: null, name: null } : { attack: text, name: parseAttack(text).name },
  )
  return asked.splits.flatMap((split) =>
    asked.shares.flatMap((share) =>
      asked.defences.flatMap((aggregator): Cell[] => {
        const { probe, canaries, oracle } = parseDefence(aggregator)
        // who is not drawn attacks nothing: one cell for all attacks
        if ((share === 0) !== oracle) return [{ split, attack: null, share, aggregator }]
        if (share === 0) return []
        return names
          .filter(
            ({ name }) => (probe || name !== 'lying-voters') && (!canaries || name === 'backdoor' || name === null),
          )
          .map(({ attack }) => ({ split, attack, share, aggregator }))
      }),
    ),
  )
}

export const ALL_ATTACKS = [NOBODY, ...Object.keys(ATTACKS)].join(',')
