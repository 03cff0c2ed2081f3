/**
 * Stored vectors of the encodings beyond safetensors: a file as it was once published, and the sha256 of the float32 values
 * that it stands for. A machine, Node or zstd that reads other values out of it would split the network.
 */
import { decodeDelta, encodeDelta } from '../../src/adapter/delta.ts'
import { createLayout } from '../../src/adapter/layout.ts'
import { bytesOf, sha256 } from '../../src/base/bytes.ts'
import type { Delta, DeltaEncoding, LoraFactor } from '../../src/types/adapter.ts'
import { randomFactors } from './dense-lora.ts'
import { tinyConfig, tinyLora } from './tiny-config.ts'

export interface DeltaVector {
  readonly encoding: DeltaEncoding
  readonly factors: readonly LoraFactor[]
  /** the file, base64 */
  readonly file: string
  /** sha256 of the decoded float32 values, little-endian */
  readonly values: string
}

const CASES: readonly Pick<DeltaVector, 'encoding' | 'factors'>[] = [
  { encoding: 'int8-zstd', factors: ['B'] },
  { encoding: 'int4', factors: ['B'] },
  { encoding: 'int4', factors: ['A', 'B'] },
  { encoding: 'sign', factors: ['B'] },
  { encoding: 'topk-3', factors: ['B'] },
  { encoding: 'topk-10', factors: ['A', 'B'] },
  { encoding: 'topk-1000', factors: ['A'] },
  { encoding: 'rank-2', factors: ['B'] },
  { encoding: 'rank-64', factors: ['A', 'B'] },
  { encoding: 'klt-4', factors: ['B'] },
  { encoding: 'klt-2', factors: ['A', 'B'] },
]

export const vectorLayout = createLayout(tinyConfig, tinyLora)

/** Cubes of uniform numbers: many small values and few large ones, as a delta has. */
export function vectorDelta(factors: readonly LoraFactor[]): Delta {
  const values = randomFactors(vectorLayout, factors, 'vector/delta', 1).map((x) => x * x * x)
  return { layout: vectorLayout, factors, values }
}

/** sha256 of the values that a file stands for. */
export function decodedDigest(file: Uint8Array, { encoding, factors }: Pick<DeltaVector, 'encoding' | 'factors'>) {
  return sha256(bytesOf(decodeDelta(file, vectorLayout, { encoding, factors }).values))
}

/** Every case as this machine writes it. */
export function computeDeltaVectors(): DeltaVector[] {
  return CASES.map((c) => {
    const file = encodeDelta(vectorDelta(c.factors), c.encoding)
    return { ...c, file: Buffer.from(file).toString('base64'), values: decodedDigest(file, c) }
  })
}
