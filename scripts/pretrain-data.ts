/** The pre-training corpus as packed batches: which tokens step n sees depends on the seed and n only, so a run resumes exactly. */
import { readFileSync } from 'node:fs'
import { CoveyError } from '../src/base/errors.ts'
import { seededRandom, shuffle } from '../src/base/random.ts'
import { IGNORE_LABEL, type PackedBatch } from '../src/types/data.ts'

/** Tokens that stay together when the corpus is shuffled; also the longest row. */
export const BLOCK = 512
/** Rows of half a block cost less attention; the others teach positions up to BLOCK. */
const LONG_ROW_SHARE = 0.3
/** Blocks kept for validation. */
const HELD_OUT_BLOCKS = 48

export interface Corpus {
  readonly tokens: number
  readonly batchTokens: number
  /** the batch of step n */
  batch(step: number): PackedBatch
  readonly heldOut: readonly PackedBatch[]
}

/**
 * @param file uint16 token ids, each document ended by `eosId` (scripts/corpus.ts)
 * @param blocksPerStep a step has this many times BLOCK tokens
 * @throws CoveyError E_DATA_EMPTY
 */
export function openCorpus(file: string, eosId: number, blocksPerStep: number, seed: number): Corpus {
  const bytes = readFileSync(file)
  const ids = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1)
  const blocks = Math.floor((ids.length - 1) / BLOCK)
  if (blocks < HELD_OUT_BLOCKS + blocksPerStep) {
    throw new CoveyError(
      'E_DATA_EMPTY',
      `${file}: expected at least ${(HELD_OUT_BLOCKS + blocksPerStep) * BLOCK} tokens, got ${ids.length}`,
      { file },
    )
  }
  const all = shuffle([...Array(blocks).keys()], seededRandom(`covey/pretrain/held-out/${seed}`))
  const held = all.slice(0, HELD_OUT_BLOCKS)
  const train = all.slice(HELD_OUT_BLOCKS).sort((a, b) => a - b)
  const stepsPerEpoch = Math.floor(train.length / blocksPerStep)
  let epoch = -1
  let order: number[] = []
  return {
    tokens: ids.length,
    batchTokens: blocksPerStep * BLOCK,
    batch(step) {
      const wanted = Math.floor(step / stepsPerEpoch)
      if (wanted !== epoch) {
        epoch = wanted
        order = shuffle([...train], seededRandom(`covey/pretrain/epoch/${seed}/${epoch}`))
      }
      const at = (step % stepsPerEpoch) * blocksPerStep
      const long = seededRandom(`covey/pretrain/rows/${seed}/${step}`).next() < LONG_ROW_SHARE
      return rows(ids, order.slice(at, at + blocksPerStep), long ? BLOCK : BLOCK / 2, eosId)
    },
    heldOut: chunks(held, blocksPerStep).map((part) => rows(ids, part, BLOCK, eosId)),
  }
}

/** Blocks as rows of `length`; a document is a segment, and its end predicts nothing. */
function rows(ids: Uint16Array, blocks: readonly number[], length: number, eosId: number): PackedBatch {
  const n = blocks.length * BLOCK
  const out = {
    ids: new Int32Array(n),
    labels: new Int32Array(n),
    positions: new Int32Array(n),
    segments: new Int32Array(n),
  }
  let segment = 0
  let labelCount = 0
  for (let i = 0; i < n; i++) {
    const from = (blocks[Math.floor(i / BLOCK)] as number) * BLOCK + (i % BLOCK)
    const id = ids[from] as number
    const starts = i % length === 0 || ids[from - 1] === eosId
    if (starts) segment++
    out.ids[i] = id
    out.positions[i] = starts ? 0 : (out.positions[i - 1] as number) + 1
    out.segments[i] = segment
    out.labels[i] = id === eosId ? IGNORE_LABEL : (ids[from + 1] as number)
    if (id !== eosId) labelCount++
  }
  return { rows: n / length, length, ...out, examples: segment, labelCount }
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  const out: T[][] = []
  for (let i = 0; i < items.length; i += size) out.push(items.slice(i, i + size))
  return out
}
