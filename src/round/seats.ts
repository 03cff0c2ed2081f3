/** What a seat has done: on chain what is revealed takes the place of what was committed to. */
import type { DeltaReveal, ProposerSeat, Scores, VoterSeat } from '../types/ledger.ts'
import { packScores } from './packed-scores.ts'

/** Whether a proposer or voter has committed, revealed or not. */
export function hasCommitted(
  seat: Pick<ProposerSeat, 'commitment' | 'reveal'> | Pick<VoterSeat, 'commitment' | 'scores'>,
): boolean {
  return seat.commitment !== null || ('reveal' in seat ? seat.reveal : seat.scores) !== null
}

/** Whether the seat has revealed this delta. */
export function hasRevealed(seat: ProposerSeat | undefined, delta: Omit<DeltaReveal, 'salt'>): boolean {
  const shown = seat?.reveal ?? null
  return (
    shown !== null &&
    shown.digest === delta.digest &&
    shown.size === delta.size &&
    shown.baseDigest === delta.baseDigest
  )
}

/** Whether the seat has revealed these scores. @throws CoveyError E_ARGUMENT when they cannot be packed */
export function hasScored(seat: VoterSeat | undefined, scores: Scores): boolean {
  const shown = seat?.scores ?? null
  return shown !== null && Buffer.from(packScores(shown)).equals(packScores(scores))
}
