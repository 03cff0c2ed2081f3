/**
 * Attacks against what defends a round: liars among the proposers and the voters, on data dealt by domain first (the case that the
 * product is for) and mixed second, in one process and seeded. A defence is robust steps before the rule, `probe` (voters drawn from
 * the nodes that have no seat measure what a node's voters measure, and the settlement that is on chain excludes and slashes by
 * quickstart's rules), or both; `canary` adds canaries with the trigger of `backdoor` to the votes. `relative` is the final exact match
 * over that of the same nodes and data when nobody lies and nothing is defended.
 *
 *   node bench/attacks.ts [--attacks none,flip,scale,…] [--shares 0,0.15,0.3,0.45] [--splits domain,mixed]
 *     [--defences 'none;clip;probe;clip,probe'] [--answers N] [--nodes 10 --proposers 7 --voters 3 --rounds 6 …] [--json]
 *     [--write NAME]   docs/results/attacks/NAME.json after each cell; a cell that is there is not run again
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { CoveyError } from '../src/base/errors.ts'
import { ALL_ATTACKS, cellsOf, DEFENCES, type Split, yardstickOf } from './attacks/plan.ts'
import { type AttackRun, keyOf, type Row, readRun, withRelative } from './attacks/results.ts'
import { CellRunner } from './attacks/run-cell.ts'
import { shortened } from './attacks/short-data.ts'
import { benchOptions, quickstartOptionsFrom } from './quickstart-options.ts'
import { writeResult } from './results-file.ts'
import { openRounds } from './rounds.ts'

/** What says which cells are run and where they go, not what comes of one. */
const CHOICE = {
  attacks: { type: 'string', default: ALL_ATTACKS },
  shares: { type: 'string', default: '0,0.15,0.3,0.45' },
  splits: { type: 'string', default: 'domain,mixed' },
  defences: { type: 'string', default: DEFENCES },
  write: { type: 'string' },
} as const
const { values: a, tokens } = parseArgs({
  tokens: true,
  options: {
    ...benchOptions,
    ...CHOICE,
    nodes: { type: 'string', default: '10' },
    proposers: { type: 'string', default: '7' },
    voters: { type: 'string', default: '3' },
    slice: { type: 'string', default: '32' },
    answers: { type: 'string' },
  },
})
const args = tokens.flatMap((token) =>
  token.kind !== 'option' || token.name in CHOICE || token.name === 'json'
    ? []
    : [`--${token.name}`, ...(token.value === undefined ? [] : [token.value])],
)
const asked = quickstartOptionsFrom(a)
const options = {
  ...asked,
  voters: Number(a.voters),
  sliceExamples: Number(a.slice),
  ...(a.answers === undefined ? {} : await shortData(Number(a.answers))),
}
const log = (text: string): void => void process.stderr.write(`${text}\n`)

/** `--answers`: of each partition, the examples with so many answers. */
async function shortData(answers: number): Promise<{ data: string; test: string }> {
  const field = /^\s*\{(\w+)\}$/.exec(asked.completion ?? '')?.[1]
  if (asked.data === null || asked.test === null || asked.partitionBy === null || field === undefined)
    throw new CoveyError('E_ARGUMENT', '--answers: expected --data, --test, and a --completion of one field')
  return shortened({ data: asked.data, test: asked.test }, { partition: asked.partitionBy, answer: field, answers })
}

const list = (text: string, by: string): string[] => text.split(by).filter((word) => word !== '')
const splits = list(a.splits, ',').map((split): Split => {
  if (split === 'domain' || split === 'mixed') return split
  throw new CoveyError('E_ARGUMENT', `--splits: expected domain, mixed or both, got ${split}`)
})
const cells = cellsOf({
  splits,
  shares: list(a.shares, ',').map((text) => {
    const share = Number(text)
    if (share >= 0 && share < 1) return share
    throw new CoveyError('E_ARGUMENT', `--shares: expected parts of the nodes, 0 to below 1, got ${text}`)
  }),
  attacks: list(a.attacks, ','),
  defences: list(a.defences, ';'),
})
// a yardstick before what is measured with it, whatever was asked for
const wanted = new Map(cells.flatMap((cell) => [yardstickOf(cell), cell]).map((cell) => [keyOf(cell), cell]))

const known = a.write === undefined ? null : readRun(a.write, args)
const rows = new Map((known?.rows ?? []).map((row) => [keyOf(row), row]))
const machine = `${a.threads} of ${cpus().length} cores of ${cpus()[0]?.model.trim() ?? 'an unknown processor'}`
const { nodes, proposers, voters, rounds, steps, batch } = options
const result = (examples: number): AttackRun => ({
  args,
  machine,
  nodes,
  proposers,
  voters,
  rounds,
  steps,
  batch,
  examples,
  rows: withRelative([...rows.values()]),
})

/** One share of liars is open at a time: engines are large. */
const open: { liars: number; runner: CellRunner; examples: number; close(): Promise<void> }[] = []
const closeAll = async (): Promise<void> => {
  for (const one of open.splice(0)) await one.close()
}
async function runnerFor(liars: number) {
  const known = open.find((one) => one.liars === liars)
  if (known !== undefined) return known
  await closeAll()
  const of = await openRounds({ ...options, liar: liars }, Number(a.threads))
  const examples = Math.min(options.evalExamples, of.testCount)
  const made = { liars, runner: new CellRunner(of, options), examples, close: () => of.close() }
  open.push(made)
  return made
}

for (const [key, cell] of wanted) {
  if (rows.has(key)) continue
  const liars = Math.floor(cell.share * nodes + 1e-9)
  const { runner, examples } = await runnerFor(liars)
  const ran = await runner.run(cell)
  rows.set(key, { ...cell, attack: cell.attack ?? 'none', liars, relative: null, ...ran })
  const written = result(examples)
  writeResult('attacks', a.write, written)
  log(line(written.rows.at(-1) as Row))
}
if (a.json) process.stdout.write(`${JSON.stringify(result(open[0]?.examples ?? known?.examples ?? 0))}\n`)
await closeAll()

function line(row: Row): string {
  const percent = (x: number | null): string => (x === null ? '–' : `${(100 * x).toFixed(0)} %`)
  const count = (n: number | null): string => (n === null ? '–' : String(n))
  const door = row.attackSuccess === null ? '' : `, opened ${percent(row.attackSuccess)}`
  return `${row.split}, ${row.attack} ${percent(row.share)}, ${row.aggregator}: exact ${percent(row.exactMatch)}, relative ${row.relative?.toFixed(2) ?? '–'}${door}, loss ${row.loss.toFixed(3)}, liars caught ${percent(row.liarsCaught)} (${count(row.liarsBarred)} barred), honest excluded ${percent(row.honestExcluded)} (${count(row.honestBarred)} barred), ${row.rollbacks} rolled back, ${row.seconds.toFixed(0)} s`
}
