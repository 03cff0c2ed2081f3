/** Attacks beside defences: what is left of the model, who was caught, and which defence is fit for what. */
import { type AttackRun, keyOf, type Row } from '../../bench/attacks/results.ts'
import { benchOptions } from '../../bench/quickstart-options.ts'
import { commandLine, percent } from './format.ts'

/** A defence keeps the model when this part of the clean run's exact match is left. */
const KEPT = 0.95
/** A back door is open when more of the prompts with the trigger than this are answered as the liars chose. */
const OPEN = 0.1

const SPLITS = { domain: 'whole domains a node', mixed: 'mixed' } as const
const shown = (aggregator: string): string => (aggregator === 'none' ? 'no defence' : aggregator.split(',').join(' + '))
const whole = (x: number): string => (100 * x).toFixed(0)
const names = (list: readonly string[]): string => (list.length === 0 ? 'nothing' : list.join(', '))
const distinct = <T>(list: readonly T[]): T[] => [...new Set(list)]

/** The order in which the bench has them, whatever was measured first. */
const inOrder = (rows: readonly Row[]): string[] => distinct(rows.map(({ aggregator }) => aggregator))

function table(rows: readonly Row[], cell: (row: Row) => string): string[] {
  const attacks = distinct(rows.map(({ attack }) => attack))
  return [
    `| | ${attacks.join(' | ')} |`,
    `|---|${attacks.map(() => '---:|').join('')}`,
    ...inOrder(rows).map((aggregator) => {
      const cells = attacks.map((attack) => {
        const row = rows.find((r) => r.aggregator === aggregator && r.attack === attack)
        return row === undefined ? '' : cell(row)
      })
      return `| ${shown(aggregator)} | ${cells.join(' | ')} |`
    }),
  ]
}

const left = ({ relative, attackSuccess }: Row): string =>
  `${relative?.toFixed(2) ?? '–'}${attackSuccess === null ? '' : ` (open ${whole(attackSuccess)} %)`}`

const caught = ({ liarsCaught, honestExcluded, liarsBarred, honestBarred }: Row): string => {
  if (honestExcluded === null) return '–'
  const of = `${liarsCaught === null ? '–' : whole(liarsCaught)} / ${whole(honestExcluded)}`
  return liarsBarred === null ? of : `${of}, ${liarsBarred} : ${honestBarred ?? 0}`
}

const holds = (row: Row): boolean => (row.relative ?? 0) >= KEPT

/** Defence by defence the attacks of which `enough` is true. */
function each(rows: readonly Row[], enough: (row: Row) => boolean): string {
  const attacks = distinct(rows.map(({ attack }) => attack))
  return inOrder(rows)
    .map((aggregator) => {
      const of = rows.filter((row) => row.aggregator === aggregator)
      const rest = of.length === attacks.length ? '' : ` (of ${of.length} measured)`
      return `${shown(aggregator)} against ${names(of.filter(enough).map(({ attack }) => attack))}${rest}`
    })
    .join('; ')
}

/** What the rows of one share of liars say, in sentences. @param best with the liars left out by who knows them */
function verdicts(rows: readonly Row[], best: Row | undefined): string[] {
  const unmet = distinct(rows.map(({ attack }) => attack)).filter(
    (attack) => !rows.some((row) => row.attack === attack && holds(row)),
  )
  const doors = rows.filter(({ attackSuccess }) => attackSuccess !== null)
  const open = doors.filter(({ attackSuccess }) => (attackSuccess as number) > OPEN)
  const shut = doors.filter(({ attackSuccess }) => (attackSuccess as number) <= OPEN)
  return [
    `At least ${KEPT} of the clean run is left with ${each(rows, holds)}.`,
    ...(unmet.length === 0 ? [] : ['', `No defence measured keeps as much against ${unmet.join(', ')}.`]),
    ...(best === undefined
      ? []
      : [
          '',
          `Who knew the liars and drew none of them would have ${best.relative?.toFixed(2) ?? '–'} of the clean run: the honest alone, with no more seats than the chain gives to those who are left. At least ${KEPT} of that is left with ${each(rows, (row) => row.exactMatch >= KEPT * best.exactMatch)}.`,
        ]),
    ...(doors.length === 0
      ? []
      : [
          '',
          `The back door stands open (more than ${whole(OPEN)} % of the prompts with the trigger bring the liars’ answer) with ${names(open.map((row) => shown(row.aggregator)))}; it is shut with ${names(shut.map((row) => shown(row.aggregator)))}.`,
        ]),
  ]
}

const dealt = ({ split, liars }: Row): string =>
  `${SPLITS[split]}${liars === 0 ? '' : `, ${liars} of the nodes with copies of others’ data`}`

/** Which defences cost nothing where nobody lies, by how the data is dealt: the first thing to ask of one. */
function fitness(rows: readonly Row[]): string[] {
  const clean = rows.filter((row) => row.attack === 'none' && row.aggregator !== 'none' && row.aggregator !== 'oracle')
  return distinct(clean.map(dealt)).map((how) => {
    const of = clean.filter((row) => dealt(row) === how)
    const cost = ({ aggregator, relative, honestExcluded }: Row): string => {
      const out = honestExcluded ? `, ${whole(honestExcluded)} % of the honest seats left out` : ''
      return `${shown(aggregator)} (${relative?.toFixed(2) ?? '–'}${out})`
    }
    const [fit, unfit] = [of.filter(holds), of.filter((row) => !holds(row))]
    return `Where nobody lies, data dealt as ${how}: ${names(fit.map(cost))} cost less than ${whole(1 - KEPT)} %; ${names(unfit.map(cost))} cost more.`
  })
}

const SEED = '--seed'
/** What a run hangs on beside its seed, and the seed: the options' own where it was not asked for. */
function seedApart({ args }: AttackRun): { readonly rest: string; readonly seed: string } {
  const at = args.indexOf(SEED)
  if (at < 0) return { rest: args.join(' '), seed: benchOptions.seed.default }
  return { rest: args.toSpliced(at, 2).join(' '), seed: args[at + 1] as string }
}

/** Runs that differ by their seed alone, together: NAME, NAME-2 and so on. The first is told whole, of the others what is under several seeds. */
export function bySeeds(runs: readonly (readonly [string, AttackRun])[]): [string, AttackRun, AttackRun[]][] {
  const groups = new Map<string, [string, AttackRun, AttackRun[]]>()
  for (const [name, run] of runs) {
    const key = `${name.replace(/-\d+$/, '')} ${seedApart(run).rest}`
    const known = groups.get(key)
    if (known === undefined) groups.set(key, [name, run, []])
    else known[2].push(run)
  }
  return [...groups.values()]
}

/** Cells that were measured under more than one seed. */
function overSeeds(rows: readonly Row[], run: AttackRun, others: readonly AttackRun[]): string[] {
  const all = [run, ...others]
  const lines = rows.flatMap((row) => {
    const found = all.map(({ rows }) => rows.find((one) => keyOf(one) === keyOf(row)))
    const known = found.flatMap((one) => (one?.relative == null ? [] : [one.relative]))
    if (known.length < 2) return []
    const cells = found.map((one) => (one === undefined ? '' : left(one)))
    // of two the worse one
    const middle = known.toSorted((a, b) => a - b)[(known.length - 1) >> 1] as number
    return [
      {
        middle,
        line: `| ${row.attack} | ${shown(row.aggregator)} | ${cells.join(' | ')} | ${middle.toFixed(2)} |`,
      },
    ]
  })
  if (lines.length === 0) return []
  const kept = lines.filter(({ middle }) => middle >= KEPT).length
  return [
    `Under several seeds, which deal the data and draw the seats anew (each over the clean run of its own seed): ${kept} of ${lines.length} medians are ${KEPT} or more.`,
    '',
    `| attack | defence | ${all.map((one) => `seed ${seedApart(one).seed}`).join(' | ')} | median |`,
    `|---|---|${all.map(() => '---:|').join('')}---:|`,
    ...lines.map(({ line }) => line),
    '',
  ]
}

/**
 * One run of `npm run bench:attacks -- --write NAME`, as far as it has come.
 * @param others the same under other seeds
 */
export function attacksSection(name: string, run: AttackRun, others: readonly AttackRun[] = []): string {
  const { rows, args, machine, nodes, proposers, voters, rounds, steps, batch, examples } = run
  const clean = rows.filter((row) => row.attack === 'none' && row.aggregator === 'none')
  const cleanOf = (row: Row): string => `${percent(row.exactMatch)} (${dealt(row)})`
  const groups = distinct(
    rows.filter(({ share, attack }) => share > 0 && attack !== 'none').map(({ split, share }) => `${split} ${share}`),
  ).map((key) => rows.filter((row) => `${row.split} ${row.share}` === key && row.attack !== 'none'))
  return [
    `## attacks: ${name}`,
    '',
    '```',
    commandLine('bench:attacks', args),
    '```',
    '',
    `${nodes} nodes, ${proposers} propose in a round and ${voters} of the others vote where somebody votes; ${rounds} rounds of ${steps} steps of ${batch} examples; exact match on ${examples} held-out examples. On ${machine}. Liars get copies of what honest nodes have, so a clean run, in which nobody lies and nothing is defended, is measured with the same copies: ${clean.map(cleanOf).join(', ')}. Seed ${seedApart(run).seed} unless another is named: two runs of the same cell are the same to the bit, but differences of a few hundredths between cells are chance${others.length === 0 ? ' (the scatter between seeds was not measured here)' : ''}.`,
    '',
    ...fitness(rows).flatMap((sentence) => [sentence, '']),
    ...groups.flatMap((group) => {
      const { split, share, liars } = group[0] as Row
      const best = rows.find((row) => row.split === split && row.share === share && row.aggregator === 'oracle')
      return [
        `### ${liars} of ${nodes} nodes ${liars === 1 ? 'lies' : 'lie'}, ${SPLITS[split]}`,
        '',
        'Exact match over that of the clean run; for a back door also how many prompts with the trigger bring the liars’ answer (label-flip has no answer of its own choice: what is missing of the model is its success). Empty: not measured (yet), or the same as another cell.',
        '',
        ...table(group, left),
        '',
        'Liars’ seats left out / honest seats left out, in %; where there are votes also nodes slashed out of the draw, liars : honest. –: nobody can be left out.',
        '',
        ...table(group, caught),
        '',
        ...verdicts(group, best),
        '',
        ...overSeeds(group, run, others),
      ]
    }),
  ]
    .join('\n')
    .trimEnd()
}
