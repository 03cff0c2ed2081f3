/**
 * One voter's scores as the contract stores them: big-endian int16 pairs (probe, private), one per proposer seat in seat
 * order, then the pair of the incumbent. 4 bytes a pair.
 */
import { CoveyError } from '../base/errors.ts'
import type { Scores } from '../types/ledger.ts'
import { SCORE_ABSENT, SCORE_CLIP } from '../types/ledger.ts'

/** @returns (4 · (proposers + 1)) bytes. @throws CoveyError E_ARGUMENT when a score is no int16 or the lists differ in length */
export function packScores(scores: Scores): Uint8Array {
  if (scores.probe.length !== scores.private.length) {
    const [probe, own] = [scores.probe.length, scores.private.length]
    throw new CoveyError('E_ARGUMENT', `scores: expected as many private as probe marginals, got ${own} and ${probe}`)
  }
  const probe = [...scores.probe, scores.incumbentProbe]
  const own = [...scores.private, scores.incumbentPrivate]
  const out = new DataView(new ArrayBuffer(4 * probe.length))
  probe.forEach((score, i) => {
    out.setInt16(4 * i, int16(score))
    out.setInt16(4 * i + 2, int16(own[i] as number))
  })
  return new Uint8Array(out.buffer)
}

/** @param proposers number of proposer seats. @throws CoveyError E_ARGUMENT when the length is not 4 · (proposers + 1) */
export function unpackScores(packed: Uint8Array, proposers: number): Scores {
  const size = 4 * (proposers + 1)
  if (packed.byteLength !== size) {
    const message = `packed scores: expected ${size} bytes for ${proposers} proposers, got ${packed.byteLength}`
    throw new CoveyError('E_ARGUMENT', message, { size, got: packed.byteLength })
  }
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  const column = (offset: number): number[] =>
    Array.from({ length: proposers }, (_, i) => view.getInt16(4 * i + offset))
  return {
    probe: column(0),
    private: column(2),
    incumbentProbe: view.getInt16(size - 4),
    incumbentPrivate: view.getInt16(size - 2),
  }
}

function int16(score: number): number {
  if (Number.isInteger(score) && score >= SCORE_ABSENT && score <= SCORE_CLIP) return score
  throw new CoveyError('E_ARGUMENT', `scores: expected whole numbers in [${SCORE_ABSENT}, ${SCORE_CLIP}], got ${score}`)
}
