/** Rules of aggregation side by side. */
import { argumentsOf, mean, percent } from './format.ts'

export interface RuleRun {
  readonly args: readonly string[]
  readonly rule: string
  readonly points: readonly { readonly round: number; readonly loss: number; readonly exactMatch: number }[]
  /** of each round, what its proposers published; runs of before it was told have none */
  readonly bytes?: readonly number[]
  readonly seconds: number
}

export function rulesSection(runs: readonly RuleRun[]): string {
  const own = runs.filter((run) => !run.args.includes('--data'))
  const others = runs.filter((run) => run.args.includes('--data'))
  return [
    '## aggregation rules',
    '',
    'Rounds in one process, no network, no scoring (`npm run bench:federated -- ARGS`); the data is quickstart’s own. Bytes are what all proposers of a round publish, the mean of the rounds. Seconds are those of a shared machine.',
    '',
    ...table(own),
    ...(others.length === 0
      ? []
      : [
          '',
          'The same with texts to be continued: speeches dealt by speaker, six nodes with disjoint speakers. A model of 5 million parameters gets next to none right to the letter; what tells is the loss.',
          '',
          ...table(others),
        ]),
  ].join('\n')
}

function table(runs: readonly RuleRun[]): string[] {
  return [
    '| rule | arguments | round | exact match | loss | bytes a round | seconds |',
    '|---|---|---:|---:|---:|---:|---:|',
    ...runs.map(({ rule, args, points, bytes, seconds }) => {
      const last = points.at(-1)
      const sent = bytes === undefined || bytes.length === 0 ? '–' : mean(bytes).toFixed(0)
      return `| ${rule} | \`${argumentsOf(args)}\` | ${last?.round} | ${percent(last?.exactMatch ?? 0)} | ${last?.loss.toFixed(3)} | ${sent} | ${seconds.toFixed(0)} |`
    }),
  ]
}
