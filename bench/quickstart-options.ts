/** What the benches on a task's data can be told: quickstart's settings, with its defaults. */
import { quickstartOptions } from '../cli/cmds/quickstart/options.ts'
import type { QuickstartOptions } from '../cli/cmds/quickstart/plan.ts'
import { SHIPPED_MODEL } from '../cli/common.ts'

const text = (name: keyof typeof quickstartOptions): string => String(quickstartOptions[name].fallback)

/** For `parseArgs`. */
export const benchOptions = {
  model: { type: 'string', default: SHIPPED_MODEL },
  data: { type: 'string' },
  test: { type: 'string' },
  prompt: { type: 'string' },
  completion: { type: 'string' },
  'partition-by': { type: 'string', default: 'domain' },
  nodes: { type: 'string', default: text('nodes') },
  proposers: { type: 'string', default: text('proposers') },
  rounds: { type: 'string', default: text('rounds') },
  steps: { type: 'string', default: text('steps') },
  batch: { type: 'string', default: text('batch') },
  rank: { type: 'string', default: text('rank') },
  alpha: { type: 'string', default: text('alpha') },
  'learning-rate': { type: 'string', default: text('learningRate') },
  schedule: { type: 'string', default: text('schedule') },
  proximal: { type: 'string', default: text('proximal') },
  rule: { type: 'string', default: text('aggregate') },
  residual: { type: 'string' },
  ranks: { type: 'string', default: '' },
  robust: { type: 'string', default: '' },
  encoding: { type: 'string', default: text('encode') },
  outer: { type: 'string', default: text('outer') },
  'outer-rate': { type: 'string' },
  'outer-momentum': { type: 'string', default: text('outerMomentum') },
  'outer-beta1': { type: 'string', default: text('outerBeta1') },
  'outer-beta2': { type: 'string', default: text('outerBeta2') },
  'outer-tau': { type: 'string', default: text('outerTau') },
  // never `auto`: what a bench prints must not hang on this machine's habits
  precision: { type: 'string', default: 'fp32' },
  'eval-examples': { type: 'string', default: text('evalExamples') },
  threads: { type: 'string', default: '1' },
  seed: { type: 'string', default: text('seed') },
  dp: { type: 'string' },
  'dp-unit': { type: 'string', default: 'example' },
  'dp-clip': { type: 'string', default: text('dpClip') },
  json: { type: 'boolean', default: false },
} as const

type Given = { readonly [K in keyof typeof benchOptions]?: string | boolean | undefined }

/** Nothing is started with them: what a network needs is left empty. */
export function quickstartOptionsFrom(given: Given): QuickstartOptions {
  const n = (name: keyof typeof benchOptions): number => Number(given[name])
  const word = (name: keyof typeof benchOptions): string | null => {
    const value = given[name]
    return typeof value === 'string' ? value : null
  }
  const withLineEnds = (value: string | null): string | null => value?.replaceAll('\\n', '\n') ?? null
  return {
    nodes: n('nodes'),
    rounds: n('rounds'),
    proposers: n('proposers'),
    voters: quickstartOptions.voters.fallback,
    steps: n('steps'),
    batch: n('batch'),
    rank: n('rank'),
    alpha: n('alpha'),
    learningRate: n('learning-rate'),
    schedule: word('schedule') as QuickstartOptions['schedule'],
    proximal: n('proximal'),
    rule: word('rule') as QuickstartOptions['rule'],
    residual: word('residual') === null ? null : n('residual'),
    ranks: (word('ranks') ?? '')
      .split(',')
      .filter((rank) => rank !== '')
      .map(Number),
    encoding: word('encoding') as QuickstartOptions['encoding'],
    robust: (word('robust') ?? '').split(',').filter((step) => step !== '') as QuickstartOptions['robust'],
    outer: word('outer') as QuickstartOptions['outer'],
    outerRate: word('outer-rate') === null ? null : n('outer-rate'),
    outerMomentum: n('outer-momentum'),
    outerBeta1: n('outer-beta1'),
    outerBeta2: n('outer-beta2'),
    outerTau: n('outer-tau'),
    dp: word('dp') === null ? null : n('dp'),
    dpUnit: word('dp-unit') as QuickstartOptions['dpUnit'],
    dpClip: n('dp-clip'),
    sliceExamples: quickstartOptions.slice.fallback,
    evalExamples: n('eval-examples'),
    phaseSeconds: quickstartOptions.phaseSeconds.fallback,
    precision: word('precision') as QuickstartOptions['precision'],
    model: word('model') ?? SHIPPED_MODEL,
    dir: '',
    port: 0,
    seed: n('seed'),
    crash: 0,
    masked: false,
    cohort: 4,
    liar: 0,
    attack: quickstartOptions.attack.fallback,
    idle: 0,
    data: word('data'),
    test: word('test'),
    prompt: withLineEnds(word('prompt')),
    completion: withLineEnds(word('completion')),
    partitionBy: word('partition-by'),
    compare: false,
    keep: false,
    json: false,
  }
}
