/**
 * Attacks against robust steps: liars among the proposers, on data dealt by domain first (the case that the product is for) and
 * mixed second, in one process and seeded. `relative` is the final exact match over that of the same split without liars and
 * without robust steps. `liarsCaught` and `honestExcluded` are the shares of seats that the steps let weigh less than a tenth.
 * Voters are not part of it: what they exclude and slash comes on top.
 *
 *   node bench/attacks.ts [--attacks flip,scale,…] [--shares 0,0.15,0.3,0.45] [--splits domain,mixed]
 *     [--chains 'none;clip;clip,multi-krum'] [--nodes 12 --proposers 12 --rounds 12 …] [--json]
 */
import { parseArgs } from 'node:util'
import { ATTACKS, flipLabels } from '../node/attacks.ts'
import { parseAttack } from '../node/misbehave.ts'
import { seededRandom, shuffle } from '../src/base/random.ts'
import type { TokenizedExample } from '../src/types/data.ts'
import type { RobustStepName } from '../src/types/spec.ts'
import { benchOptions, quickstartOptionsFrom } from './quickstart-options.ts'
import { type Interference, openRounds, type Rounds } from './rounds.ts'

/** A seat that weighs less than this part of what it came with has been left out. */
const LEFT_OUT = 0.1

const { values: a } = parseArgs({
  options: {
    ...benchOptions,
    nodes: { type: 'string', default: '12' },
    proposers: { type: 'string', default: '12' },
    attacks: { type: 'string', default: Object.keys(ATTACKS).join(',') },
    shares: { type: 'string', default: '0,0.15,0.3,0.45' },
    splits: { type: 'string', default: 'domain,mixed' },
    chains: {
      type: 'string',
      default:
        'none;clip;multi-krum;clip,multi-krum;geometric-median;centred-clip;median;trimmed-mean;cosine-gate;drop-copies,clip;bucketing,geometric-median',
    },
  },
})
const options = quickstartOptionsFrom(a)
const log = (text: string): void => void process.stderr.write(`${text}\n`)

interface Row {
  readonly split: string
  readonly attack: string
  /** liars among the nodes */
  readonly share: number
  readonly aggregator: string
  readonly exactMatch: number
  readonly loss: number
  /** exact match over the clean run's; null when that is 0 */
  readonly relative: number | null
  /** of the liars' seats; null without liars, and for coordinate-wise rules, which leave nobody out */
  readonly liarsCaught: number | null
  readonly honestExcluded: number | null
}
const rows: Row[] = []

type Ran = Pick<Row, 'exactMatch' | 'loss' | 'liarsCaught' | 'honestExcluded'>

/** All rounds with these liars and these steps. */
async function run(rounds: Rounds, split: string, attackText: string | null, chain: string): Promise<Ran> {
  const robust = chain === 'none' ? [] : (chain.split(',') as RobustStepName[])
  const attack = attackText === null ? null : parseAttack(attackText)
  const examples = dealt(rounds, split).map((own, i) =>
    rounds.nodes[i]?.liar && attack?.name === 'label-flip' ? flipLabels(own) : own,
  )
  const lies = (node: number): boolean => attack !== null && rounds.nodes[node]?.liar === true
  const publish: Interference['publish'] = (trained, seats, round) => {
    const cohort = trained.filter((_, i) => lies(seats[i] as number))
    return trained.map((delta, i) =>
      attack !== null && lies(seats[i] as number) ? attack.attack(delta, { round, cohort }, attack.strength) : delta,
    )
  }
  const seats = { liars: 0, caught: 0, honest: 0, excluded: 0 }
  let last: Float32Array | undefined
  for await (const done of rounds.run(options.encoding, { examples, publish, robust })) {
    done.shares.forEach((share, i) => {
      const out = share < LEFT_OUT ? 1 : 0
      const liar = lies(done.seats[i] as number)
      if (liar) seats.caught += out
      else seats.excluded += out
      if (liar) seats.liars++
      else seats.honest++
    })
    last = done.global
  }
  const { exactMatch, loss } = await rounds.evaluate(last as Float32Array, options.evalExamples)
  const tells = robust.length > 0 && !robust.some((step) => step === 'median' || step === 'trimmed-mean')
  return {
    exactMatch,
    loss,
    liarsCaught: tells && seats.liars > 0 ? seats.caught / seats.liars : null,
    honestExcluded: tells && seats.honest > 0 ? seats.excluded / seats.honest : null,
  }
}

/** By whole domains, as they were dealt; or the same examples shuffled over as many nodes, each keeping its number of them. */
function dealt(rounds: Rounds, split: string): (readonly TokenizedExample[])[] {
  const own = rounds.nodes.map((node) => node.examples)
  if (split === 'domain') return own
  const all = shuffle(own.flat(), seededRandom(`mixed ${a.seed}`))
  let at = 0
  return own.map(({ length }) => {
    at += length
    return all.slice(at - length, at)
  })
}

const clean = new Map<string, number>()
for (const share of a.shares.split(',').map(Number)) {
  const liars = Math.floor(share * options.nodes)
  const rounds = await openRounds({ ...options, liar: liars }, Number(a.threads))
  for (const split of a.splits.split(',')) {
    if (!clean.has(split)) {
      // the yardstick has no liars, whatever shares were asked for
      const yardstick = liars === 0 ? rounds : await openRounds(options, Number(a.threads))
      clean.set(split, (await run(yardstick, split, null, 'none')).exactMatch)
      if (yardstick !== rounds) await yardstick.close()
    }
    const reference = clean.get(split) as number
    for (const attack of liars === 0 ? [null] : a.attacks.split(',')) {
      for (const aggregator of a.chains.split(';')) {
        const ran = await run(rounds, split, attack, aggregator)
        const relative = reference === 0 ? null : ran.exactMatch / reference
        rows.push({ split, attack: attack ?? 'none', share: liars / options.nodes, aggregator, ...ran, relative })
        log(line(rows.at(-1) as Row))
      }
    }
  }
  await rounds.close()
}
if (a.json)
  process.stdout.write(`${JSON.stringify({ rows, args: process.argv.slice(2).filter((arg) => arg !== '--json') })}\n`)

function line(row: Row): string {
  const percent = (x: number | null): string => (x === null ? '–' : `${(100 * x).toFixed(0)} %`)
  return `${row.split}, ${row.attack} ${percent(row.share)}, ${row.aggregator}: exact ${percent(row.exactMatch)}, relative ${row.relative?.toFixed(2) ?? '–'}, loss ${row.loss.toFixed(3)}, liars caught ${percent(row.liarsCaught)}, honest excluded ${percent(row.honestExcluded)}`
}
