/** What masking costs by the size of a cohort. */
import type { MaskingRow } from '../../bench/masked/row.ts'
import { commandLine, percent } from './format.ts'

/** What `node bench/masked.ts --write NAME` wrote. */
export interface MaskedRun {
  readonly args: readonly string[]
  readonly machine: string
  readonly model: string
  readonly rank: number
  readonly values: number
  readonly trials: number
  readonly rows: readonly MaskingRow[]
}

const kb = (bytes: number): string => (bytes / 1e3).toFixed(1)
const ms = (x: number): string => x.toFixed(0)
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

export function maskedSection(name: string, run: MaskedRun): string {
  const { rows, machine, model, rank, values, trials } = run
  const chances = rows[0]?.survived.map((s) => s.chance) ?? []
  const head = (r: MaskingRow): readonly string[] => [
    String(r.members),
    r.neighbours === null ? 'all' : String(r.neighbours),
  ]
  return [
    `## masking: ${name}`,
    '',
    '```',
    commandLine('bench:masked', run.args),
    '```',
    '',
    `One cohort, by how many members it has and with how many each masks ([masked.md](masked.md)). A member sends three signed messages a round beside its masked delta, and takes those of all others. A masked delta of ${model} (rank ${rank}, B alone: ${values} values) is ${kb(4 * values)} kB of 32-bit words, which nothing compresses. Sizes are those of the largest message of a kind, kB.`,
    '',
    row(['members', 'masks with', 'needed', 'keys', 'shares', 'unmask', 'sent', 'taken', 'messages taken']),
    row(['---:', '---:', '---:', '---:', '---:', '---:', '---:', '---:', '---:']),
    ...rows.map((r) => {
      const { keys, shares, unmask } = r.bytes
      const sizes = [keys, shares, unmask, keys + shares + unmask, r.taken.bytes].map(kb)
      return row([...head(r), String(r.threshold), ...sizes, String(r.taken.messages)])
    }),
    '',
    `Milliseconds of one thread on ${machine}, by the processor’s own count. A member deals its shares, masks its delta and, when it is on chain, looks at everybody’s box for its part of the unmasking; who opens the sum combines the shares and takes the masks out, which is dearer for each member that was lost.`,
    '',
    row(['members', 'masks with', 'deal', 'mask', 'unmask', 'open', 'sum', 'sum without', 'lost']),
    row(['---:', '---:', '---:', '---:', '---:', '---:', '---:', '---:', '---:']),
    ...rows.map((r) =>
      row([
        ...head(r),
        ...[r.deal_ms, r.mask_ms, r.unmask_ms, r.open_ms, r.sum_ms, r.sumOfFewest_ms].map(ms),
        String(r.most),
      ]),
    ),
    '',
    `Rounds of ${trials} that end with a sum, when each member falls silent after its shares with the chance named:`,
    '',
    row(['members', 'masks with', ...chances.map((c) => percent(c))]),
    row(['---:', '---:', ...chances.map(() => '---:')]),
    ...rows.map((r) => row([...head(r), ...r.survived.map((s) => percent(s.part))])),
  ].join('\n')
}
