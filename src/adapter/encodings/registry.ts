/** The encodings that a spec may name. */
import { CoveyError } from '../../base/errors.ts'
import type { DeltaEncoding } from '../../types/adapter.ts'
import { int4, int8Zstd } from './dense.ts'
import type { Encoding } from './encoding.ts'
import { klt, MAX_SHRINK, MIN_SHRINK } from './klt.ts'
import { lowRank, MAX_DIRECTIONS } from './low-rank.ts'
import { sign } from './sign.ts'
import { bf16, f32, int8 } from './tensors.ts'
import { MAX_PART, MIN_PART, topK } from './top-k.ts'

const FIXED = new Map<string, Encoding>(
  [f32, bf16, int8, int8Zstd, int4, sign].map((encoding) => [encoding.name, encoding]),
)
/** `topk-N`, `rank-N`, `klt-N` */
const NUMBERED = /^(topk|rank|klt)-([1-9]\d{0,3})$/

/** What `encodingNamed` takes, for messages and help. */
export const ENCODING_NAMES = [...FIXED.keys(), 'topk-N', 'rank-N', 'klt-N'].join(' | ')

/** @throws CoveyError E_ARGUMENT with the encodings that exist */
export function encodingNamed(name: string): Encoding {
  const encoding = find(name)
  if (encoding !== undefined) return encoding
  throw new CoveyError(
    'E_ARGUMENT',
    `encoding: expected ${ENCODING_NAMES} with N from ${MIN_PART} to ${MAX_PART}, of directions to ${MAX_DIRECTIONS}, of klt from ${MIN_SHRINK} to ${MAX_SHRINK}, got ${JSON.stringify(name)}`,
    { encoding: name },
  )
}

/** True for a name that `encodingNamed` takes. */
export function isEncodingName(name: string): name is DeltaEncoding {
  return find(name) !== undefined
}

function find(name: string): Encoding | undefined {
  const [, kind, digits] = NUMBERED.exec(name) ?? []
  const n = Number(digits)
  if (kind === 'topk') return n >= MIN_PART && n <= MAX_PART ? topK(n) : undefined
  if (kind === 'klt') return n >= MIN_SHRINK && n <= MAX_SHRINK ? klt(n) : undefined
  if (kind === 'rank') return n <= MAX_DIRECTIONS ? lowRank(n) : undefined
  return FIXED.get(name)
}
