/**
 * The probe as bytes: one slice of examples a round, fixed at the task's creation by a Merkle root. A slice is JSON lines
 * of {completion, prompt} in canonical spelling, so the same examples have one digest. Slices come from the network:
 * reading them trusts nothing.
 */
import { sha256, utf8 } from '../base/bytes.ts'
import { canonicalJson } from '../base/canonical.ts'
import { CoveyError } from '../base/errors.ts'
import type { Example } from '../types/data.ts'
import { type Bytes32, merkleLeaf, merkleTree } from './merkle.ts'

/** Each voter pulls the slice in one phase; the gossip and blob layers use the same cap. */
export const MAX_SLICE_BYTES = 8 * 1024 * 1024
/** Scoring runs the slice once per proposer; more examples than this take longer than any phase. */
export const MAX_SLICE_EXAMPLES = 4096

/** @throws CoveyError E_TOO_LARGE when the slice is past its caps, E_ARGUMENT when it is empty */
export function encodeSlice(examples: readonly Example[]): Uint8Array {
  if (examples.length === 0) throw new CoveyError('E_ARGUMENT', 'examples: expected at least one in a slice, got none')
  if (examples.length > MAX_SLICE_EXAMPLES) {
    throw new CoveyError(
      'E_TOO_LARGE',
      `slice: expected at most ${MAX_SLICE_EXAMPLES} examples, got ${examples.length}`,
    )
  }
  const lines = examples.map(({ prompt, completion }) => `${canonicalJson({ completion, prompt })}\n`)
  const bytes = utf8.encode(lines.join(''))
  if (bytes.byteLength > MAX_SLICE_BYTES) {
    throw new CoveyError('E_TOO_LARGE', `slice: expected at most ${MAX_SLICE_BYTES} bytes, got ${bytes.byteLength}`)
  }
  return bytes
}

const broken = (what: string, data: Record<string, unknown> = {}): CoveyError =>
  new CoveyError('E_DATA_FORMAT', `not a probe slice: ${what}`, data)

/**
 * The examples of a slice; their partition is not part of it and reads as ''.
 * @throws CoveyError E_TOO_LARGE | E_DATA_FORMAT (errors name lines, never text)
 */
export function decodeSlice(bytes: Uint8Array): Example[] {
  if (bytes.byteLength > MAX_SLICE_BYTES) {
    throw new CoveyError('E_TOO_LARGE', `slice: expected at most ${MAX_SLICE_BYTES} bytes, got ${bytes.byteLength}`)
  }
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch (cause) {
    throw new CoveyError('E_DATA_FORMAT', 'not a probe slice: expected UTF-8 text', {}, { cause })
  }
  if (!text.endsWith('\n')) throw broken('expected a line break at the end')
  const lines = text.slice(0, -1).split('\n')
  if (lines.length > MAX_SLICE_EXAMPLES) {
    throw new CoveyError('E_TOO_LARGE', `slice: expected at most ${MAX_SLICE_EXAMPLES} examples, got ${lines.length}`)
  }
  return lines.map((line, i) => {
    let value: unknown
    try {
      value = JSON.parse(line)
    } catch {
      // the parser's message quotes the text, which must not reach a log
      throw broken(`line ${i + 1} is not JSON`, { line: i + 1 })
    }
    const { prompt, completion } = (value ?? {}) as { prompt?: unknown; completion?: unknown }
    if (typeof prompt !== 'string' || typeof completion !== 'string' || completion === '') {
      throw broken(`line ${i + 1}: expected {"completion": text, "prompt": text}`, { line: i + 1 })
    }
    if (canonicalJson({ completion, prompt }) !== line) {
      throw broken(`line ${i + 1} is not in canonical spelling`, { line: i + 1 })
    }
    return { prompt, completion, partition: '' }
  })
}

export interface ProbeSlice {
  readonly digest: string
  readonly bytes: Uint8Array
  readonly proof: readonly Bytes32[]
}

/** All slices of a task, as its creator holds them. */
export interface Probe {
  readonly root: Bytes32
  readonly rounds: number
  /** null outside 1 … rounds */
  slice(round: number): ProbeSlice | null
}

/** @param slices encoded slices, slices[0] is round 1's. @throws CoveyError E_ARGUMENT when there is none */
export function probeFromBytes(slices: readonly Uint8Array[]): Probe {
  const digests = slices.map((bytes) => sha256(bytes))
  const tree = merkleTree(digests.map((digest, i) => merkleLeaf(i + 1, digest)))
  return {
    root: tree.root,
    rounds: slices.length,
    slice(round) {
      const bytes = slices[round - 1]
      const digest = digests[round - 1]
      return bytes === undefined || digest === undefined ? null : { digest, bytes, proof: tree.proof(round - 1) }
    },
  }
}
