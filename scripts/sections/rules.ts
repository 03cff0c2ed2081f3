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

const DATA = '--data'
/** What stands beside the tables of data other than quickstart's own, by a part of its path. */
const OTHERS = [
  [
    'clinc150',
    'The same on clinc150: utterances of ten domains, dealt by whole domains, to be answered with one of 150 intents.',
  ],
  [
    'tinyshakespeare',
    'The same with texts to be continued: speeches dealt by speaker, six nodes with disjoint speakers. A model of 5 million parameters gets next to none right to the letter; what tells is the loss.',
  ],
] as const

export function rulesSection(runs: readonly RuleRun[]): string {
  return [
    '## aggregation rules',
    '',
    'Rounds in one process, no network, no scoring (`npm run bench:federated -- ARGS`); the data is quickstart’s own. Bytes are what all proposers of a round publish, the mean of the rounds. Seconds are those of a shared machine.',
    '',
    ...table(runs.filter((run) => folderOf(run) === null)),
    ...OTHERS.flatMap(([folder, words]) => {
      const of = runs.filter((run) => folderOf(run) === folder)
      return of.length === 0 ? [] : ['', words, '', ...table(of)]
    }),
  ].join('\n')
}

/** @throws Error for data that the page says nothing of */
function folderOf({ args }: RuleRun): string | null {
  if (!args.includes(DATA)) return null
  const path = args[args.indexOf(DATA) + 1]
  const known = OTHERS.find(([folder]) => path?.includes(folder))
  if (known === undefined)
    throw new Error(`${DATA} ${path}: expected some of ${OTHERS.map(([folder]) => folder).join(', ')}`)
  return known[0]
}

/** How many arguments all runs begin with. */
function sharedBy(runs: readonly RuleRun[]): number {
  const [first, ...others] = runs.map(({ args }) => args)
  const at = first?.findIndex((arg, i) => others.some((args) => args[i] !== arg)) ?? 0
  // a lone run, or runs with the same arguments, keep all of them in their rows
  return Math.max(0, at)
}

function table(runs: readonly RuleRun[]): string[] {
  // an option and its value go together
  const shared = sharedBy(runs) & ~1
  const common =
    shared === 0 ? [] : [`ARGS begin with \`${argumentsOf((runs[0] as RuleRun).args.slice(0, shared))}\`.`, '']
  return [
    ...common,
    '| rule | arguments | round | exact match | loss | bytes a round | seconds |',
    '|---|---|---:|---:|---:|---:|---:|',
    ...runs.map(({ rule, args, points, bytes, seconds }) => {
      const last = points.at(-1)
      const sent = bytes === undefined || bytes.length === 0 ? '–' : mean(bytes).toFixed(0)
      const own = args.length === shared ? '–' : `\`${argumentsOf(args.slice(shared))}\``
      return `| ${rule} | ${own} | ${last?.round} | ${percent(last?.exactMatch ?? 0)} | ${last?.loss.toFixed(3)} | ${sent} | ${seconds.toFixed(0)} |`
    }),
  ]
}
