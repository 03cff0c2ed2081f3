/**
 * Writes docs/measurements.md out of docs/results/*.json: each is the object that `covey quickstart --json` printed, with the
 * command that made it. Record one with
 *
 *   npm run -s quickstart -- ARGS --json > out.json && node scripts/measurements.ts --add NAME out.json -- ARGS
 *
 * (NAME may be in the folder seeds/: a line of the table of runs, no section of its own). The benches keep theirs with --write
 * in the folder of their kind, but for rules/ (bench/federated.ts), train/ and aggregate/, which hold what --json printed.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import type { AttackRun } from '../bench/attacks/results.ts'
import { readResults, writeResult } from '../bench/results-file.ts'
import type { QuickstartResult } from '../cli/cmds/quickstart/result.ts'
import { type AggregationRun, aggregationSection } from './sections/aggregation.ts'
import { attacksSection, bySeeds } from './sections/attacks.ts'
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

const PAGE = join(import.meta.dirname, '../docs/measurements.md')

const args = process.argv.slice(2)
if (args[0] === '--add') {
  const [, name, file, , ...rest] = args as [string, string, string, string, ...string[]]
  const quoted = rest.map((a) => (/[\s{}\\]/.test(a) ? `'${a}'` : a)).join(' ')
  const recorded: Recorded = {
    command: `npm run quickstart${quoted === '' ? '' : ` -- ${quoted}`}`,
    machine: `${cpus().length} cores of ${cpus()[0]?.model.trim() ?? 'an unknown processor'}`,
    result: JSON.parse(readFileSync(file, 'utf8')) as QuickstartResult,
  }
  writeResult('', name, recorded)
}

const rules = readResults<RuleRun>('rules')
const seeds = readResults<Recorded>('seeds')
const sections = [
  ...readResults<Recorded>('').map(([name, run]) => quickstartSection(name.replaceAll('-', ' '), run)),
  ...(seeds.length === 0 ? [] : [seedsSection(seeds.map(([, run]) => run))]),
  ...(rules.length === 0 ? [] : [rulesSection(rules.map(([, run]) => run))]),
  ...readResults<AggregationRun>('aggregate').map(([name, run]) => aggregationSection(name, run)),
  ...readResults<CompressRun>('compress').map(([name, run]) => compressionSection(name.replaceAll('-', ' '), run)),
  ...readResults<PrivacyRun>('privacy').map(([name, run]) => privacySection(name.replaceAll('-', ' '), run)),
  ...readResults<MaskedRun>('masked').map(([name, run]) => maskedSection(name, run)),
  ...readResults<TrainRun>('train').map(([, run]) => trainSection(run)),
  ...readResults<MethodsRun>('methods').map(([name, run]) => methodsSection(name.replaceAll('-', ' '), run)),
  ...readResults<DistillRun>('distill').map(([name, run]) => distillSection(name.replaceAll('-', ' '), run)),
  ...readResults<PruneRun>('prune').map(([name, run]) => pruningSection(name.replaceAll('-', ' '), run)),
  ...readResults<EconomyRun>('economy').map(([name, run]) => economySection(name, run)),
  ...bySeeds(readResults<AttackRun>('attacks')).map(([name, run, others]) =>
    attacksSection(name.replaceAll('-', ' '), run, others),
  ),
  ...readResults<CurveRun>('curves').map(([name, run]) => curveSection(name, run)),
]
const head =
  '# Measurements\n\nWritten by `node scripts/measurements.ts` from docs/results/, which holds what the commands printed. Shared machines: take seconds as a rough guide.\n'
writeFileSync(PAGE, `${head}\n${sections.join('\n\n')}\n`)
