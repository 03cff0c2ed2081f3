/** A training in 8 bits beside the same one in float32. */
import { percent } from './format.ts'

/** What `node bench/curve.ts --write NAME` wrote. */
export interface CurveRun {
  readonly args: readonly string[]
  readonly steps: number
  readonly relativeArea: number
  readonly runs: readonly {
    readonly precision: string
    readonly seconds: number
    readonly test: { readonly loss: number; readonly exactMatch: number; readonly examples: number }
  }[]
}

/** @param name of the picture docs/NAME.svg */
export function curveSection(name: string, { args, steps, relativeArea, runs }: CurveRun): string {
  return [
    `## ${name}: ${steps} steps in each`,
    '',
    '```',
    `npm run bench:curve -- ${args.map((a) => (/[\s{}\\]/.test(a) ? `'${a}'` : a)).join(' ')}`,
    '```',
    '',
    `![training loss](${name}.svg)`,
    '',
    '| frozen products in | test loss | exact match | training, s |',
    '|---|---:|---:|---:|',
    ...runs.map(
      ({ precision, test, seconds }) =>
        `| ${precision} | ${test.loss.toFixed(4)} | ${percent(test.exactMatch)} of ${test.examples} | ${seconds.toFixed(0)} |`,
    ),
    '',
    `The areas under the two curves differ by ${(100 * relativeArea).toFixed(2)} %.`,
  ].join('\n')
}
