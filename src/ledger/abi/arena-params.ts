/** What an arena's parameters must satisfy before money is sent after them; the contract holds the same bounds. */
import { ALPHAS, type ArenaParams } from '../../types/arena.ts'
import { SCORE_CLIP } from '../../types/ledger.ts'
import { BPS, badParameter, checkCommon, checkWhole } from './bounds.ts'

/** Settling an epoch is one transaction, quadratic in them at worst: it must fit a block. */
const MAX_ENTRANTS = 32
const MAX_VALIDATORS = 16
const MAX_EPOCHS = 10_000
/** Until it ends its creator cannot have the rest of the pool back. */
const MAX_LENGTH_SECONDS = 730 * 86_400
/** A keeper may end five phases of an epoch: together at most a twentieth of its reward. */
const MAX_KEEPER_BPS = 100
/** @param now chain time, unix seconds. @throws CoveyError E_ARGUMENT that names the parameter */
export function checkArenaParams(p: ArenaParams, now: number): void {
  checkCommon(p, 96)
  if (!/^0x[0-9a-f]{64}$/.test(p.probeRoot) || /^0x0*$/.test(p.probeRoot))
    throw badParameter('probeRoot', '0x and 64 lower-case hex digits, not all 0', p.probeRoot)
  checkWhole('endsAt', p.endsAt, now + 1, now + MAX_LENGTH_SECONDS)
  checkWhole('epochs', p.epochs, 1, MAX_EPOCHS)
  checkWhole('entrants', p.entrants, 1, MAX_ENTRANTS)
  checkWhole('validators', p.validators, 1, MAX_VALIDATORS)
  const { rules } = p
  checkWhole('rules.gammaBps', rules.gammaBps, 0, BPS / 2)
  checkWhole('rules.ratioBps', rules.ratioBps, 1, BPS)
  checkWhole('rules.floor', rules.floor, 0, SCORE_CLIP)
  checkWhole('rules.tolerance', rules.tolerance, 0, 65_535)
  checkWhole('rules.slashBps', rules.slashBps, 0, BPS)
  checkWhole('rules.faultBps', rules.faultBps, 0, BPS)
  checkWhole('rules.keeperBps', rules.keeperBps, 0, MAX_KEEPER_BPS)
  if (!ALPHAS.includes(rules.alpha)) throw badParameter('rules.alpha', ALPHAS.join(' | '), rules.alpha)
}
