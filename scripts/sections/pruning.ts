/** Cuts of one model side by side, before and after training. */
import type { ModelReport } from '../../node/prune/measure.ts'
import type { PruneResult } from '../../node/prune/prune-folder.ts'
import { commandLine, percent } from './format.ts'

/** What `node bench/prune.ts --write NAME` wrote. */
export interface PruneRun {
  readonly args: readonly string[]
  readonly machine: string
  readonly model: string
  readonly steps: number
  readonly recovery: number
  readonly rounds: number
  readonly examples: number
  readonly tested: number
  readonly runs: readonly { readonly cut: string; readonly method: string; readonly result: PruneResult }[]
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

function cells({ parameters, nonZero, quality }: ModelReport): readonly string[] {
  const size = [`${(parameters / 1e6).toFixed(2)} M`, percent(nonZero / parameters)]
  if (quality === null) return [...size, '', '', '', '']
  const { loss, exactMatch, readTokensPerSecond: read, writeTokensPerSecond: write } = quality
  return [...size, loss.toFixed(3), percent(exactMatch), read.toFixed(0), write === null ? '' : write.toFixed(0)]
}

export function pruningSection(name: string, run: PruneRun): string {
  const { model, steps, recovery, rounds, examples, tested, machine, runs } = run
  const [first] = runs
  const lines = runs.flatMap(({ cut, method, result }, i) => {
    const { pruned, recovered, unmaskedLoss, dropped, bytesAfter } = result
    const gone = dropped.length === 0 ? '' : ` (without ${dropped.map((d) => d.layer).join(', ')})`
    const same = runs[i - 1]?.cut === cut
    const bytes = `${(bytesAfter / 1e6).toFixed(1)} MB`
    return [
      ...(same ? [] : [row([`${cut}${gone}`, ...cells(pruned), bytes, ''])]),
      ...(recovered === null
        ? []
        : [row([`${cut}, trained: ${method}`, ...cells(recovered), bytes, unmaskedLoss?.toFixed(3) ?? ''])]),
    ]
  })
  return [
    `## pruning: ${name}`,
    '',
    '```',
    commandLine('bench:prune', run.args),
    '```',
    '',
    `${model}, trained on ${examples} generated requests (${steps} steps, every weight), then cut as \`covey prune\` does and trained again for ${recovery} steps, with zeros in ${rounds} rounds; measured on ${tested} held-out requests. The last column is the loss before the zeros were put back for the last time. Zeros are stored and computed like other weights: the file does not change with them. On ${machine}, shared with so much other work that the speeds say little.`,
    '',
    '| | weights | not 0 | loss | exact match | reads, tokens/s | writes, tokens/s | file | loss unmasked |',
    '|---|---:|---:|---:|---:|---:|---:|---:|---:|',
    ...(first === undefined
      ? []
      : [row(['before', ...cells(first.result.before), `${(first.result.bytesBefore / 1e6).toFixed(1)} MB`, ''])]),
    ...lines,
  ].join('\n')
}
