/**
 * What masking costs: messages and bytes a member and round, the processor's time for masking and unmasking a vector of an adapter's size, and how many
 * rounds end with a sum when members fall silent; by the size of the cohort, with everybody masking with everybody and with SecAgg+'s
 * sparse graph. The protocol's own code (src/privacy/masked), every message encoded, signed and checked; one thread.
 *
 *   npm run bench:masked [-- --members 4,8,16,32,64 --neighbours all,8,16 --trials 2000 --rank 32]
 *                        [--write NAME] [--json]   docs/results/masked/NAME.json
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { SHIPPED_MODEL } from '../cli/common.ts'
import { trainedSize } from '../src/adapter/encodings/encoding.ts'
import { createLayout, linearNames } from '../src/adapter/layout.ts'
import { CoveyError } from '../src/base/errors.ts'
import { seededRandom } from '../src/base/random.ts'
import { loadModel } from '../src/model/folder/load.ts'
import { benchCohort, completes, measureCohort } from './masked/cohort.ts'
import type { MaskingRow } from './masked/row.ts'
import { benchOptions } from './quickstart-options.ts'
import { askedFor, writeResult } from './results-file.ts'

/** Chances at which a member falls silent after its shares. */
const CHANCES = [0.05, 0.1, 0.2, 0.3]

const { values: a } = parseArgs({
  options: {
    members: { type: 'string', default: '4,8,16,32,64' },
    neighbours: { type: 'string', default: 'all,8,16' },
    trials: { type: 'string', default: '2000' },
    rank: { type: 'string', default: benchOptions.rank.default },
    write: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})

function whole(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new CoveyError('E_ARGUMENT', `--${name}: expected a whole number from 1 up, got ${JSON.stringify(text)}`)
}

const { config } = await loadModel(SHIPPED_MODEL)
const rank = whole('rank', a.rank)
const lora = { rank, alpha: rank, rsLora: false, dropout: 0, targets: linearNames(config), seed: 1 }
const values = trainedSize(createLayout(config, lora), ['B'])
const trials = whole('trials', a.trials)

/** A round's graph follows from its digest: each trial has another one. */
function survivedOf(members: number, neighbours: number | null): MaskingRow['survived'] {
  return CHANCES.map((chance) => {
    const random = seededRandom(`covey/bench/masked/${members}/${neighbours}/${chance}`)
    let summed = 0
    for (let trial = 0; trial < trials; trial++) {
      const lost = Array.from({ length: members }, () => random.next() < chance)
      if (completes(benchCohort(members, neighbours, trial + 1), (member) => lost[member] === true)) summed++
    }
    return { chance, part: summed / trials }
  })
}

// compiled once, for all sizes
measureCohort(benchCohort(6, 4), values)
const machine = cpus()[0]?.model.trim() ?? 'an unknown processor'
const rows: MaskingRow[] = []
const run = { args: askedFor(), machine, model: 'covey-nano', rank, values, trials, rows }
for (const text of a.members.split(',')) {
  const members = whole('members', text)
  for (const word of a.neighbours.split(',')) {
    const neighbours = word === 'all' ? null : whole('neighbours', word)
    // a graph of as many neighbours as there are others is everybody with everybody
    if (neighbours !== null && neighbours >= members - 1) continue
    const row = {
      ...measureCohort(benchCohort(members, neighbours), values),
      survived: survivedOf(members, neighbours),
    }
    rows.push(row)
    writeResult('masked', a.write, run)
    process.stderr.write(
      `${members} members, ${neighbours ?? 'all'}: sends ${row.bytes.keys + row.bytes.shares + row.bytes.unmask} B, takes ${row.taken.bytes} B; deal ${row.deal_ms.toFixed(0)} ms, mask ${row.mask_ms.toFixed(0)} ms, unmask ${row.unmask_ms.toFixed(0)} ms, open ${row.open_ms.toFixed(0)} ms, sum ${row.sum_ms.toFixed(0)} ms (${row.sumOfFewest_ms.toFixed(0)} ms without ${row.most}); ${row.survived.map((s) => `${(100 * s.part).toFixed(1)} % at ${s.chance}`).join(', ')}\n`,
    )
  }
}
if (a.json) console.log(JSON.stringify(run))
