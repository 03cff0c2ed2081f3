/** Bounds and checks that the parameters of tasks and of arenas share; the contracts hold the same. */
import { isDigest } from '../../base/bytes.ts'
import { CoveyError } from '../../base/errors.ts'

/** Shares are in 1/10,000. */
export const BPS = 10_000
/** Seats are locked for as long as the phases take. */
export const MAX_PHASE_SECONDS = 7 * 86_400
/** Weights are whole gwei in 64 bits. */
const GWEI = 10n ** 9n
const MAX_STAKE = (2n ** 64n - 1n) * GWEI

export function badParameter(name: string, expected: string, got: unknown): CoveyError {
  return new CoveyError('E_ARGUMENT', `${name}: expected ${expected}, got ${String(got)}`, { name })
}

/** @throws CoveyError E_ARGUMENT */
export function checkWhole(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most)
    throw badParameter(name, `a whole number from ${least} to ${most}`, value)
}

interface CommonParams {
  readonly specDigest: string
  readonly baseDigest: string
  readonly pool: bigint
  readonly minStake: bigint
  readonly seconds: object
}

/** @param poolBits the pool is below 2 to this. @throws CoveyError E_ARGUMENT that names the parameter */
export function checkCommon(p: CommonParams, poolBits: number): void {
  for (const name of ['specDigest', 'baseDigest'] as const)
    if (!isDigest(p[name])) throw badParameter(name, '64 lower-case hex digits', p[name])
  if (p.pool < 1n || p.pool >= 2n ** BigInt(poolBits))
    throw badParameter('pool', `an amount above 0 and below 2^${poolBits} wei`, p.pool)
  if (p.minStake < GWEI || p.minStake > MAX_STAKE)
    throw badParameter('minStake', `${GWEI} to ${MAX_STAKE} wei`, p.minStake)
  for (const [phase, seconds] of Object.entries(p.seconds))
    checkWhole(`seconds.${phase}`, seconds, 1, MAX_PHASE_SECONDS)
}
