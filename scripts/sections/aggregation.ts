/** What aggregation costs a node. */
interface Memory {
  readonly peakRssMb: number
  readonly ms: number
  readonly digest: string
}

/** What `node bench/aggregate.ts --json` printed. */
export interface AggregationRun {
  readonly rows: readonly {
    readonly what: string
    readonly rule: string
    readonly ms: number
    readonly gbPerSecond: number
    readonly overMean: number
  }[]
  readonly memory: readonly { readonly steps: string; readonly arrays: Memory | null; readonly files: Memory | null }[]
  readonly memoryRank: number
  readonly numpy: { readonly meanMs: number; readonly krumMs: number } | null
  readonly layers: number
  readonly rank: number
  readonly deltas: number
}

export function aggregationSection(name: string, run: AggregationRun): string {
  const megabytes = (of: Memory | null): string => (of === null ? '–' : of.peakRssMb.toFixed(0))
  return [
    `## aggregation: ${name}`,
    '',
    `\`npm run bench:aggregate -- --shape ${name}\`: ${run.deltas} deltas of rank ${run.rank} on all linear layers of ${run.layers} blocks, one thread, processor time, the least of the repeats. GB/s of float32 that go in; a chain’s time has the mean of what it leaves in it.`,
    '',
    '| rule | what | ms | GB/s | × the mean |',
    '|---|---|---:|---:|---:|',
    ...run.rows.map(
      ({ rule, what, ms, gbPerSecond, overMean }) =>
        `| ${rule} | ${what} | ${ms.toFixed(0)} | ${gbPerSecond.toFixed(2)} | ${overMean.toFixed(1)} |`,
    ),
    ...(run.numpy === null
      ? []
      : [
          '',
          `numpy on as many numbers, as Flower’s server does it: mean ${run.numpy.meanMs.toFixed(0)} ms, Krum ${run.numpy.krumMs.toFixed(0)} ms.`,
        ]),
    '',
    `Peak memory of a process that aggregates deltas of rank ${run.memoryRank}, with all of them in memory and out of files as a node does it (frozen-a; the results have the same bytes${run.memory.every(({ arrays, files }) => arrays?.digest === files?.digest) ? '' : ': NOT HERE'}):`,
    '',
    '| robust steps | in memory, MB | out of files, MB |',
    '|---|---:|---:|',
    ...run.memory.map(
      ({ steps, arrays, files }) =>
        `| ${steps === '-' ? 'none' : steps.replaceAll(',', ', ')} | ${megabytes(arrays)} | ${megabytes(files)} |`,
    ),
  ].join('\n')
}
