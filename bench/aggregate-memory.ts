/**
 * What a round's aggregation takes of memory, in a process of its own for bench/aggregate.ts: deltas in memory, as `arrays`, or in files,
 * as `files`, read a few modules at a time as a node does. Prints {"peakRssMb", "ms", "digest"}; the digests of both are the same.
 *
 *   node bench/aggregate-memory.ts arrays|files DELTAS SHAPE LAYERS RANK STEPS
 */
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adapterDigest, encodeDelta } from '../src/adapter/delta.ts'
import type { EncodedParts } from '../src/adapter/encodings/encoding.ts'
import { encodingNamed } from '../src/adapter/encodings/registry.ts'
import { initialAdapter } from '../src/adapter/layout.ts'
import { openStep, type StepInput } from '../src/aggregate/outer-step.ts'
import { aggregatorFor } from '../src/aggregate/registry.ts'
import { openStreamedStep } from '../src/aggregate/streamed-step.ts'
import type { RobustStepName } from '../src/types/spec.ts'
import { benchLayout, randomDelta } from './aggregate-deltas.ts'

const [mode, count, shape, layers, rank, steps] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string,
]
const layout = benchLayout(shape, Number(layers), Number(rank))
const aggregator = aggregatorFor('frozen-a')
const factors = aggregator.trainedFactors(1)
const n = Number(count)
const input: StepInput = {
  aggregator,
  outer: { outerRate: 1, outerMomentum: 0, robust: steps === '-' ? [] : (steps.split(',') as RobustStepName[]) },
  layout,
  base: initialAdapter(layout).values,
  before: null,
  weights: Array.from({ length: n }, () => 1),
  round: 1,
}
const began = (): number => performance.now()

async function fromFiles(): Promise<{ next: Float32Array; ms: number }> {
  const dir = await mkdtemp(join(tmpdir(), 'covey-aggregate-'))
  try {
    const { parts } = encodingNamed('f32')
    const reader = parts?.(layout, factors) as EncodedParts
    const path = (i: number): string => join(dir, String(i))
    for (let i = 0; i < n; i++)
      await writeFile(path(i), encodeDelta({ layout, factors, values: randomDelta(layout, factors, i) }, 'f32'))
    const files = await Promise.all(Array.from({ length: n }, (_, i) => open(path(i))))
    const start = began()
    const { next } = await openStreamedStep({
      ...input,
      source: {
        count: n,
        async read(i, from, to) {
          const [begin, end] = reader.range(from, to)
          const bytes = new Uint8Array(end - begin)
          await files[i]?.read(bytes, 0, bytes.byteLength, begin)
          return reader.values(bytes, from, to)
        },
      },
    })
    const ms = began() - start
    for (const file of files) await file.close()
    return { next, ms }
  } finally {
    await rm(dir, { recursive: true })
  }
}

function fromMemory(): { next: Float32Array; ms: number } {
  const deltas = Array.from({ length: n }, (_, i) => randomDelta(layout, factors, i))
  const start = began()
  const { next } = openStep({ ...input, deltas })
  return { next, ms: began() - start }
}

const { next, ms } = mode === 'files' ? await fromFiles() : fromMemory()
const peakRssMb = process.resourceUsage().maxRSS / 1000
process.stdout.write(`${JSON.stringify({ peakRssMb, ms, digest: adapterDigest({ layout, values: next }) })}\n`)
