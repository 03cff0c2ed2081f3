/** Methods side by side: the same base, data and steps. */
import { commandLine, percent } from './format.ts'

/** What `node bench/methods.ts --write NAME` wrote. */
export interface MethodsRun {
  readonly args: readonly string[]
  readonly machine: string
  readonly model: string
  readonly weights: number
  readonly steps: number
  readonly batch: number
  readonly examples: number
  readonly base: { readonly loss: number; readonly exactMatch: number }
  readonly runs: readonly {
    readonly name: string
    readonly learningRate: number
    readonly trained: number
    readonly bytes: number
    readonly seconds: number
    readonly test: { readonly loss: number; readonly exactMatch: number }
  }[]
}

const thousands = (n: number): string => (n < 1e6 ? `${(n / 1e3).toFixed(1)} k` : `${(n / 1e6).toFixed(2)} M`)

export function methodsSection(name: string, run: MethodsRun): string {
  const { base, model, weights, steps, batch, examples, machine } = run
  return [
    `## methods: ${name}`,
    '',
    '```',
    commandLine('bench:methods', run.args),
    '```',
    '',
    `${model} (${thousands(weights)} weights), ${steps} steps of ${batch} examples with the rate named, warm-up and cosine; measured on ${examples} held-out examples. The base alone: exact match ${percent(base.exactMatch)}, loss ${base.loss.toFixed(3)}. On ${machine}, shared with other work.`,
    '',
    '| method | rate | trained | adapter, bytes | exact match | loss | training, s |',
    '|---|---:|---:|---:|---:|---:|---:|',
    ...run.runs.map(
      (r) =>
        `| ${r.name} | ${r.learningRate} | ${thousands(r.trained)} | ${thousands(r.bytes)} | ${percent(r.test.exactMatch)} | ${r.test.loss.toFixed(3)} | ${r.seconds.toFixed(0)} |`,
    ),
  ].join('\n')
}
