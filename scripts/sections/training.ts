/** One LoRA step beside the peers. */

/** What `node bench/train.ts --json` printed. */
export interface TrainRun {
  readonly shape: string
  readonly layers: number
  readonly batch: readonly [rows: number, length: number]
  readonly rank: number
  readonly threads: number
  readonly best: string | null
  readonly ratios: Readonly<Record<string, number | null>>
  readonly rssRatioTorchBf16: number | null
  readonly rows: readonly {
    readonly name: string
    readonly ms: number | null
    readonly tokensPerSecond: number | null
    readonly rssMb: number | null
    readonly openMs: number | null
    readonly steps: number
  }[]
}

const shown = (value: number | null | undefined, digits = 0): string =>
  value === null || value === undefined ? '–' : value.toFixed(digits)

export function trainSection({ shape, layers, batch, rank, threads, best, rssRatioTorchBf16, rows }: TrainRun): string {
  const own = rows.find((r) => r.name === best)?.ms ?? null
  const lines = [
    `## a LoRA step: ${shape}`,
    '',
    `\`npm run bench:train -- --shape ${shape}\`: random weights, ${layers} layers, r = ${rank} on all seven linear layers, AdamW, ${batch[0]} × ${batch[1]} tokens, every place labelled, ${threads} threads; processes in turn, medians.`,
    '',
    '| | ms | tokens/s | × ours | peak memory, MB | opened in, s | steps |',
    '|---|---:|---:|---:|---:|---:|---:|',
    ...rows.map((r) => {
      const times = r.ms === null || own === null ? null : r.ms / own
      const open = r.openMs === null ? null : r.openMs / 1000
      return `| ${r.name} | ${shown(r.ms)} | ${shown(r.tokensPerSecond)} | ${shown(times, 2)} | ${shown(r.rssMb)} | ${shown(open, 1)} | ${r.steps} |`
    }),
  ]
  if (rssRatioTorchBf16 !== null)
    lines.push('', `Peak memory is ${rssRatioTorchBf16.toFixed(2)} × that of PyTorch in bf16.`)
  return lines.join('\n')
}
