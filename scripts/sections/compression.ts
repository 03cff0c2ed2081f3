/** What smaller deltas cost: bytes against exact match, each encoding beside float32 on the same seeds. */
import { commandLine, mean, percent } from './format.ts'

/** What `node bench/compress.ts --write NAME` wrote. */
export interface CompressRun {
  readonly args: readonly string[]
  readonly rows: readonly { readonly encoding: string; readonly bytesRatio: number; readonly pointsLost: number }[]
  /** of both factors in float32 */
  readonly fullBytes: number
  /** held out */
  readonly examples: number
  readonly runs: readonly {
    readonly seed: string
    readonly encoding: string
    readonly bytes: number
    readonly exactMatch: number
    readonly loss: number
  }[]
}

/** What was asked of an encoding: this part of the bytes, for no more points than these. */
const ASKED = { bytes: 1 / 50, points: 0.5 }

export function compressionSection(name: string, run: CompressRun): string {
  const seeds = [...new Set(run.runs.map((r) => r.seed))]
  const rows = run.rows.map(({ encoding, bytesRatio, pointsLost }) => {
    const of = run.runs.filter((r) => r.encoding === encoding)
    const exact = seeds.map((seed) => of.find((r) => r.seed === seed)?.exactMatch)
    const cells = exact.map((x) => (x === undefined ? '–' : percent(x)))
    return `| ${encoding} | ${mean(of.map((r) => r.bytes)).toFixed(0)} | 1/${(1 / bytesRatio).toFixed(1)} | ${cells.join(' | ')} | ${pointsLost.toFixed(1)} | ${mean(of.map((r) => r.loss)).toFixed(3)} |`
  })
  const fits = run.rows.filter((row) => row.bytesRatio <= ASKED.bytes && row.pointsLost <= ASKED.points)
  const verdict =
    fits.length === 0
      ? 'No encoding has both.'
      : `${fits.map((row) => row.encoding).join(', ')} ${fits.length === 1 ? 'has' : 'have'} both.`
  return [
    `## compression: ${name}`,
    '',
    '```',
    commandLine('bench:compress', run.args),
    '```',
    '',
    `Rounds in one process; the same seats, batches and start for every encoding of a seed. Both factors in float32 are ${run.fullBytes} bytes; a delta’s bytes are as it is published, header included, the mean of a run. Exact match on ${run.examples} held-out examples.`,
    '',
    `| encoding | bytes a delta | of all | ${seeds.map((seed) => `seed ${seed}`).join(' | ')} | points lost | loss |`,
    `|---|---:|---:|${seeds.map(() => '---:|').join('')}---:|---:|`,
    ...rows,
    '',
    `Asked for: at most 1/${1 / ASKED.bytes} of the bytes for at most ${ASKED.points} points. ${verdict} Runs of one encoding scatter by about three points between seeds, so fewer seeds than that cannot tell half a point.`,
  ].join('\n')
}
