/** What an arena's parameters must satisfy before money is sent after them; the contract holds the same bounds. */
import { isDigest } from '../../base/bytes.ts'
import { CoveyError } from '../../base/errors.ts'
import { ALPHAS, type ArenaParams } from '../../types/arena.ts'
import { SCORE_CLIP } from '../../types/ledger.ts'
import { MAX_PHASE_SECONDS } from './params.ts'

const BPS = 10_000
/** Settling an epoch is one transaction, quadratic in them at worst: it must fit a block. */
const MAX_ENTRANTS = 32
const MAX_VALIDATORS = 16
const MAX_EPOCHS = 10_000
/** Until it ends its creator cannot have the rest of the pool back. */
const MAX_LENGTH_SECONDS = 730 * 86_400
/** A keeper may end five phases of an epoch: together at most a twentieth of its reward. */
const MAX_KEEPER_BPS = 100
/** Weights are whole gwei in 64 bits. */
const GWEI = 10n ** 9n
const MAX_STAKE = (2n ** 64n - 1n) * GWEI

/** @param now chain time, unix seconds. @throws CoveyError E_ARGUMENT that names the parameter */
export function checkArenaParams(p: ArenaParams, now: number): void {
  const bad = (name: string, expected: string, got: unknown): CoveyError =>
    new CoveyError('E_ARGUMENT', `${name}: expected ${expected}, got ${String(got)}`, { name })
  const whole = (name: string, value: number, least: number, most: number): void => {
    if (!Number.isInteger(value) || value < least || value > most)
      throw bad(name, `a whole number from ${least} to ${most}`, value)
  }
  if (!isDigest(p.specDigest)) throw bad('specDigest', '64 lower-case hex digits', p.specDigest)
  if (!isDigest(p.baseDigest)) throw bad('baseDigest', '64 lower-case hex digits', p.baseDigest)
  if (!/^0x[0-9a-f]{64}$/.test(p.probeRoot) || /^0x0*$/.test(p.probeRoot))
    throw bad('probeRoot', '0x and 64 lower-case hex digits, not all 0', p.probeRoot)
  if (p.pool < 1n || p.pool >= 2n ** 96n) throw bad('pool', 'an amount above 0 and below 2^96 wei', p.pool)
  if (p.minStake < GWEI || p.minStake > MAX_STAKE) throw bad('minStake', `${GWEI} to ${MAX_STAKE} wei`, p.minStake)
  whole('endsAt', p.endsAt, now + 1, now + MAX_LENGTH_SECONDS)
  whole('epochs', p.epochs, 1, MAX_EPOCHS)
  whole('entrants', p.entrants, 1, MAX_ENTRANTS)
  whole('validators', p.validators, 1, MAX_VALIDATORS)
  for (const [phase, seconds] of Object.entries(p.seconds)) whole(`seconds.${phase}`, seconds, 1, MAX_PHASE_SECONDS)
  const { rules } = p
  whole('rules.gammaBps', rules.gammaBps, 0, BPS / 2)
  whole('rules.ratioBps', rules.ratioBps, 1, BPS)
  whole('rules.floor', rules.floor, 0, SCORE_CLIP)
  whole('rules.tolerance', rules.tolerance, 0, 65_535)
  whole('rules.slashBps', rules.slashBps, 0, BPS)
  whole('rules.faultBps', rules.faultBps, 0, BPS)
  whole('rules.keeperBps', rules.keeperBps, 0, MAX_KEEPER_BPS)
  if (!ALPHAS.includes(rules.alpha)) throw bad('rules.alpha', ALPHAS.join(' | '), rules.alpha)
}
