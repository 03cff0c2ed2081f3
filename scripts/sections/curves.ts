/** A training in 8 bits beside the same one in float32. */
import { commandLine, percent } from './format.ts'

/** What `node bench/curve.ts --write NAME` wrote. */
export interface CurveRun {
  readonly args: readonly string[]
  readonly steps: number
  readonly runs: readonly {
    readonly precision: string
    readonly losses: readonly number[]
    readonly test: { readonly loss: number; readonly exactMatch: number; readonly examples: number }
  }[]
}

/** Steps that are averaged before two curves are compared. */
const WINDOW = 25

/** How far the second curve is from the first, relative to the first. */
function distance(a: readonly number[], b: readonly number[]): { mean: number; most: number; area: number } {
  const sum = (list: readonly number[]): number => list.reduce((s, x) => s + x, 0)
  const gaps: number[] = []
  for (let i = 0; i + WINDOW <= a.length; i += WINDOW) {
    const own = sum(a.slice(i, i + WINDOW))
    gaps.push(Math.abs(sum(b.slice(i, i + WINDOW)) - own) / own)
  }
  return { mean: sum(gaps) / gaps.length, most: Math.max(...gaps), area: Math.abs(sum(b) - sum(a)) / sum(a) }
}

/** @param name of the picture docs/NAME.svg */
export function curveSection(name: string, { args, steps, runs }: CurveRun): string {
  const apart = distance(runs[0]?.losses ?? [], runs[1]?.losses ?? [])
  return [
    `## ${name}: ${steps} steps in each`,
    '',
    '```',
    commandLine('bench:curve', args),
    '```',
    '',
    `![training loss](${name}.svg)`,
    '',
    '| frozen products in | test loss | exact match |',
    '|---|---:|---:|',
    ...runs.map(
      ({ precision, test }) =>
        `| ${precision} | ${test.loss.toFixed(4)} | ${percent(test.exactMatch)} of ${test.examples} |`,
    ),
    '',
    `Steps are compared by means over ${WINDOW}, since one batch is easier than another: the second curve is off the first by ${percent(apart.mean)} on average, by ${percent(apart.most)} at most, and the areas under them differ by ${(100 * apart.area).toFixed(2)} %.`,
  ].join('\n')
}
