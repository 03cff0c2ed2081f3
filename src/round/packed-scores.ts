/**
 * One voter's scores as the contract stores them: big-endian int16 pairs (probe, private), one per proposer seat in seat
 * order, then the pair of the incumbent. 4 bytes a pair.
 */
import { CoveyError } from '../base/errors.ts'
import type { Scores } from '../types/ledger.ts'
import { packScoreList, unpackScoreList } from './score-list.ts'

/** @returns (4 · (proposers + 1)) bytes. @throws CoveyError E_ARGUMENT when a score is no int16 or the lists differ in length */
export function packScores(scores: Scores): Uint8Array {
  if (scores.probe.length !== scores.private.length) {
    const [probe, own] = [scores.probe.length, scores.private.length]
    throw new CoveyError('E_ARGUMENT', `scores: expected as many private as probe marginals, got ${own} and ${probe}`)
  }
  const probe = [...scores.probe, scores.incumbentProbe]
  const own = [...scores.private, scores.incumbentPrivate]
  return packScoreList(probe.flatMap((score, i) => [score, own[i] as number]))
}

/** @param proposers number of proposer seats. @throws CoveyError E_ARGUMENT when the length is not 4 · (proposers + 1) */
export function unpackScores(packed: Uint8Array, proposers: number): Scores {
  const size = 4 * (proposers + 1)
  if (packed.byteLength !== size) {
    const message = `packed scores: expected ${size} bytes for ${proposers} proposers, got ${packed.byteLength}`
    throw new CoveyError('E_ARGUMENT', message, { size, got: packed.byteLength })
  }
  const all = unpackScoreList(packed)
  const [probe, own] = [0, 1].map((column) => all.filter((_, i) => i % 2 === column)) as [number[], number[]]
  return {
    probe: probe.slice(0, proposers),
    private: own.slice(0, proposers),
    incumbentProbe: probe[proposers] as number,
    incumbentPrivate: own[proposers] as number,
  }
}
