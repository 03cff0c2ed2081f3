/** Scores as the contracts store them: big-endian int16, one behind the other. An arena's validator: one per entry in seat order, then the champion's. */
import { CoveyError } from '../base/errors.ts'
import { SCORE_ABSENT, SCORE_CLIP } from '../types/ledger.ts'

/** @returns (2 · scores) bytes. @throws CoveyError E_ARGUMENT */
export function packScoreList(scores: readonly number[]): Uint8Array {
  const out = new DataView(new ArrayBuffer(2 * scores.length))
  scores.forEach((score, i) => {
    if (!Number.isInteger(score) || score < SCORE_ABSENT || score > SCORE_CLIP) {
      const message = `scores: expected whole numbers in [${SCORE_ABSENT}, ${SCORE_CLIP}], got ${score}`
      throw new CoveyError('E_ARGUMENT', message, { score })
    }
    out.setInt16(2 * i, score)
  })
  return new Uint8Array(out.buffer)
}

/** @throws CoveyError E_ARGUMENT when the bytes are not pairs */
export function unpackScoreList(packed: Uint8Array): number[] {
  if (packed.byteLength % 2 !== 0) {
    const message = `packed scores: expected two bytes a score, got ${packed.byteLength} bytes`
    throw new CoveyError('E_ARGUMENT', message, { got: packed.byteLength })
  }
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  return Array.from({ length: packed.byteLength / 2 }, (_, i) => view.getInt16(2 * i))
}
