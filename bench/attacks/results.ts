/** What a bench of attacks measured, cell by cell, and the file that it grows in. */
import { CoveyError } from '../../src/base/errors.ts'
import { readResult } from '../results-file.ts'
import { type Cell, yardstickOf } from './plan.ts'
import type { Ran } from './run-cell.ts'

export interface Row extends Omit<Cell, 'attack'>, Ran {
  /** `none` where nobody lies */
  readonly attack: string
  /** liars, of `nodes` */
  readonly liars: number
  /** exact match over that of its yardstick; null when that is 0, or not measured */
  readonly relative: number | null
}

export interface AttackRun {
  /** all that a row hangs on, the cells' own choice left out */
  readonly args: readonly string[]
  readonly machine: string
  readonly nodes: number
  readonly proposers: number
  readonly voters: number
  readonly rounds: number
  readonly steps: number
  readonly batch: number
  readonly examples: number
  readonly rows: readonly Row[]
}

export const keyOf = ({ split, attack, share, aggregator }: Cell | Row): string =>
  `${split} ${attack ?? 'none'} ${share} ${aggregator}`

/** `relative` of all rows, out of their own yardsticks. */
export function withRelative(rows: readonly Row[]): Row[] {
  const exact = new Map(rows.map((row) => [keyOf(row), row.exactMatch]))
  return rows.map((row) => {
    const clean = exact.get(keyOf(yardstickOf(row)))
    return { ...row, relative: clean === undefined || clean === 0 ? null : row.exactMatch / clean }
  })
}

/** What an earlier start left; null when there is nothing. @throws CoveyError E_ARGUMENT when it was measured with other settings */
export function readRun(name: string, args: readonly string[]): AttackRun | null {
  const known = readResult<AttackRun>('attacks', name)
  if (known !== null && JSON.stringify(known.args) !== JSON.stringify(args))
    throw new CoveyError(
      'E_ARGUMENT',
      `--write ${name}: its rows were measured with ${known.args.join(' ')}: go on with the same, or write elsewhere`,
      { args: [...known.args] },
    )
  return known
}
