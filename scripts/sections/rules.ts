/** Rules of aggregation side by side. */
import { percent } from './format.ts'

export interface RuleRun {
  readonly args: readonly string[]
  readonly rule: string
  readonly points: readonly { readonly round: number; readonly loss: number; readonly exactMatch: number }[]
}

export function rulesSection(runs: readonly RuleRun[]): string {
  return [
    '## aggregation rules',
    '',
    'Rounds in one process, no network, no scoring (`npm run bench:federated -- ARGS`); the data is quickstart’s own.',
    '',
    '| rule | arguments | round | exact match | loss |',
    '|---|---|---:|---:|---:|',
    ...runs.map(({ rule, args, points }) => {
      const last = points.at(-1)
      return `| ${rule} | \`${args.join(' ')}\` | ${last?.round} | ${percent(last?.exactMatch ?? 0)} | ${last?.loss.toFixed(3)} |`
    }),
  ].join('\n')
}
