/** A student of few examples, with a teacher's probabilities and without. */
import { percent } from './format.ts'

interface Score {
  readonly loss: number
  readonly exactMatch: number
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
  readonly runs: readonly (Score & { readonly mix: number; readonly seed: number; readonly seconds: number })[]
}

export function distillSection(name: string, run: DistillRun): string {
  const row = (what: string, seed: string, r: Score, seconds: string): string =>
    `| ${what} | ${seed} | ${percent(r.exactMatch)} | ${r.loss.toFixed(3)} | ${seconds} |`
  const of = ({ mix }: { readonly mix: number }): string => (mix === 0 ? 'labels alone' : `teacher, mix ${mix}`)
  return [
    `## distillation: ${name}`,
    '',
    '```',
    `npm run bench:distill -- ${run.args.map((a) => (/[\s{}\\]/.test(a) ? `'${a}'` : a)).join(' ')}`,
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
  const labels = new Map(runs.filter((r) => r.mix === 0).map((r) => [r.seed, r]))
  const taught = runs.filter((r) => r.mix > 0)
  const better = (key: keyof Score, sign: number): number =>
    taught.filter((r) => sign * (r[key] - (labels.get(r.seed)?.[key] ?? Number.NaN)) > 0).length
  return `With the teacher the loss is lower in ${better('loss', -1)} of ${taught.length} runs, the exact match higher in ${better('exactMatch', 1)}, each beside the labels alone on the same examples.`
}
