/** A student of few examples, with a teacher's probabilities and without. */
import { commandLine, percent } from './format.ts'

interface Score {
  readonly loss: number
  readonly exactMatch: number
}

interface StudentRun extends Score {
  readonly mix: number
  /** prompts that the teacher answered, learnt beside the labels; none when left out */
  readonly texts?: number
  readonly seed: number
  readonly seconds: number
}

/** What `node bench/distill.ts --write NAME` wrote. */
export interface DistillRun {
  readonly args: readonly string[]
  readonly machine: string
  readonly model: string
  readonly all: number
  readonly few: number
  readonly steps: number
  readonly teacherSteps: number
  readonly batch: number
  readonly temperature: number
  readonly tokens: number
  readonly examples: number
  readonly base: Score
  readonly teacher: Score & { readonly seconds: number }
  readonly runs: readonly StudentRun[]
}

export function distillSection(name: string, run: DistillRun): string {
  const row = (what: string, seed: string, r: Score, seconds: string): string =>
    `| ${what} | ${seed} | ${percent(r.exactMatch)} | ${r.loss.toFixed(3)} | ${seconds} |`
  const of = ({ mix, texts = 0 }: StudentRun): string =>
    texts > 0
      ? `labels and ${texts} prompts that the teacher answered`
      : mix === 0
        ? 'labels alone'
        : `teacher, mix ${mix}`
  return [
    `## distillation: ${name}`,
    '',
    '```',
    commandLine('bench:distill', run.args),
    '```',
    '',
    `The teacher is ${run.model} after ${run.teacherSteps} steps on ${run.all} examples. Its students are ${run.model} anew, ${run.steps} steps of ${run.batch} on ${run.few} of them, which the seed draws; T = ${run.temperature}, the ${run.tokens} likeliest tokens told one by one. Measured on ${run.examples} held-out examples, ${run.machine}, shared with other work.`,
    '',
    '| | seed | exact match | loss | training, s |',
    '|---|---:|---:|---:|---:|',
    row('base', '', run.base, ''),
    row('teacher', '', run.teacher, run.teacher.seconds.toFixed(0)),
    ...run.runs.map((r) => row(of(r), String(r.seed), r, r.seconds.toFixed(0))),
    '',
    verdict(run.runs),
  ].join('\n')
}

/** Says what the numbers say, also when it is not what was hoped for. */
function verdict(runs: DistillRun['runs']): string {
  const alone = ({ mix, texts = 0 }: StudentRun): boolean => mix === 0 && texts === 0
  const labels = new Map(runs.filter(alone).map((r) => [r.seed, r]))
  const better = (taught: readonly StudentRun[], key: keyof Score, sign: number): number =>
    taught.filter((r) => sign * (r[key] - (labels.get(r.seed)?.[key] ?? Number.NaN)) > 0).length
  const says = (who: string, taught: readonly StudentRun[]): string[] =>
    taught.length === 0
      ? []
      : [
          `With the teacher’s ${who} the loss is lower in ${better(taught, 'loss', -1)} of ${taught.length} runs, the exact match higher in ${better(taught, 'exactMatch', 1)}, each beside the labels alone on the same examples.`,
        ]
  return [
    ...says(
      'probabilities',
      runs.filter((r) => r.mix > 0),
    ),
    ...says(
      'answers',
      runs.filter(({ texts = 0 }) => texts > 0),
    ),
  ].join(' ')
}
