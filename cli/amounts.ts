/** Amounts and times on a command line. */
import { InvalidArgumentError } from 'commander'
import { CoveyError, isCoveyError, messageOf } from '../src/base/errors.ts'
import { parseAmount } from '../src/ledger/amount.ts'
import type { Parse } from './command.ts'

/** An amount above zero. @throws CoveyError E_CONFIG, since what was typed is at fault */
export function amountOf(text: string): bigint {
  let amount: bigint
  try {
    amount = parseAmount(text)
  } catch (cause) {
    if (isCoveyError(cause)) throw new CoveyError('E_CONFIG', cause.message, {}, { cause })
    throw cause
  }
  if (amount === 0n) throw new CoveyError('E_CONFIG', 'amount: expected more than zero')
  return amount
}

/** Shares of 1/10,000 as people write them: `12.5 %`. */
export function percentOf(bps: number): string {
  return `${bps / 100} %`
}

/**
 * A percentage of at most two decimals as shares of 1/10,000.
 * @throws CoveyError E_CONFIG
 */
export function bpsOf(text: string, most: number): number {
  const bps = Math.round(Number(text) * 100)
  if (/^\d{1,3}(\.\d{1,2})?$/.test(text) && bps <= most * 100) return bps
  const message = `expected a percentage from 0 to ${most} with at most two decimals, got ${JSON.stringify(text.slice(0, 80))}`
  throw new CoveyError('E_CONFIG', message)
}

/** `bpsOf` for an option. */
export const percent =
  (most: number): Parse<number> =>
  (value) => {
    try {
      return bpsOf(value, most)
    } catch (error) {
      throw new InvalidArgumentError(messageOf(error))
    }
  }

/** A task's number. @throws CoveyError E_CONFIG */
export function taskNumberOf(text: string): number {
  const id = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(id) && id >= 1) return id
  throw new CoveyError('E_CONFIG', `task: expected its number, 1 or more, got ${JSON.stringify(text.slice(0, 80))}`)
}

/** Unix seconds as ISO 8601, UTC. */
export function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000', '')
}
