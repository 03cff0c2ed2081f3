/**
 * Writes docs/measurements.md out of docs/results/*.json: each is the object that `covey quickstart --json` printed, with the
 * command that made it. Record one with
 *
 *   npm run -s quickstart -- ARGS --json > out.json && node scripts/measurements.ts --add NAME out.json -- ARGS
 *
 * (NAME may be in the folder seeds/: a line of the table of runs, no section of its own), and of what the benches printed with --json: docs/results/rules/*.json (bench/federated.ts), docs/results/train/*.json
 * (bench/train.ts), docs/results/curves/*.json (bench/curve.ts --write), docs/results/methods/*.json (bench/methods.ts --write),
 * docs/results/prune/*.json (bench/prune.ts --write),
 * docs/results/masked/*.json (bench/masked.ts --write),
 * docs/results/compress/*.json (bench/compress.ts --write), docs/results/privacy/*.json (bench/privacy.ts --write),
 * docs/results/distill/*.json (bench/distill.ts --write), docs/results/economy/*.json (bench/economy.ts --write), docs/results/attacks/*.json (bench/attacks.ts --write).
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import type { AttackRun } from '../bench/attacks/results.ts'
import type { QuickstartResult } from '../cli/cmds/quickstart/result.ts'
import { type AggregationRun, aggregationSection } from './sections/aggregation.ts'
import { attacksSection } from './sections/attacks.ts'
import { type CompressRun, compressionSection } from './sections/compression.ts'
import { type CurveRun, curveSection } from './sections/curves.ts'
import { type DistillRun, distillSection } from './sections/distill.ts'
import { type EconomyRun, economySection } from './sections/economy.ts'
import { type MaskedRun, maskedSection } from './sections/masked.ts'
import { type MethodsRun, methodsSection } from './sections/methods.ts'
import { type PrivacyRun, privacySection } from './sections/privacy.ts'
import { type PruneRun, pruningSection } from './sections/pruning.ts'
import { quickstartSection, type Recorded } from './sections/quickstart.ts'
import { type RuleRun, rulesSection } from './sections/rules.ts'
import { seedsSection } from './sections/seeds.ts'
import { type TrainRun, trainSection } from './sections/training.ts'

const ROOT = join(import.meta.dirname, '..')
const RESULTS = join(ROOT, 'docs/results')
const PAGE = join(ROOT, 'docs/measurements.md')

const args = process.argv.slice(2)
if (args[0] === '--add') {
  const [, name, file, , ...rest] = args as [string, string, string, string, ...string[]]
  const quoted = rest.map((a) => (/[\s{}\\]/.test(a) ? `'${a}'` : a)).join(' ')
  const recorded: Recorded = {
    command: `npm run quickstart${quoted === '' ? '' : ` -- ${quoted}`}`,
    machine: `${cpus().length} cores of ${cpus()[0]?.model.trim() ?? 'an unknown processor'}`,
    result: JSON.parse(readFileSync(file, 'utf8')) as QuickstartResult,
  }
  writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify(recorded)}\n`)
}

/** The JSON files of a folder by their name without the ending, in its order; none when there is no such folder. */
function results<T>(folder = ''): (readonly [name: string, result: T])[] {
  const dir = join(RESULTS, folder)
  if (!existsSync(dir)) return []
  return readdirSync(dir)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => [name.replace(/\.json$/, ''), JSON.parse(readFileSync(join(dir, name), 'utf8')) as T])
}

const rules = results<RuleRun>('rules')
const seeds = results<Recorded>('seeds')
const sections = [
  ...results<Recorded>().map(([name, run]) => quickstartSection(name.replaceAll('-', ' '), run)),
  ...(seeds.length === 0 ? [] : [seedsSection(seeds.map(([, run]) => run))]),
  ...(rules.length === 0 ? [] : [rulesSection(rules.map(([, run]) => run))]),
  ...results<AggregationRun>('aggregate').map(([name, run]) => aggregationSection(name, run)),
  ...results<CompressRun>('compress').map(([name, run]) => compressionSection(name.replaceAll('-', ' '), run)),
  ...results<PrivacyRun>('privacy').map(([name, run]) => privacySection(name.replaceAll('-', ' '), run)),
  ...results<MaskedRun>('masked').map(([name, run]) => maskedSection(name, run)),
  ...results<TrainRun>('train').map(([, run]) => trainSection(run)),
  ...results<MethodsRun>('methods').map(([name, run]) => methodsSection(name.replaceAll('-', ' '), run)),
  ...results<DistillRun>('distill').map(([name, run]) => distillSection(name.replaceAll('-', ' '), run)),
  ...results<PruneRun>('prune').map(([name, run]) => pruningSection(name.replaceAll('-', ' '), run)),
  ...results<EconomyRun>('economy').map(([name, run]) => economySection(name, run)),
  ...results<AttackRun>('attacks').map(([name, run]) => attacksSection(name.replaceAll('-', ' '), run)),
  ...results<CurveRun>('curves').map(([name, run]) => curveSection(name, run)),
]
const head =
  '# Measurements\n\nWritten by `node scripts/measurements.ts` from docs/results/, which holds what the commands printed. Shared machines: take seconds as a rough guide.\n'
writeFileSync(PAGE, `${head}\n${sections.join('\n\n')}\n`)
