/** Amounts and times on a command line. */
import { CoveyError, isCoveyError } from '../src/base/errors.ts'
import { parseAmount } from '../src/ledger/amount.ts'

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

/** Unix seconds as ISO 8601, UTC. */
export function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000', '')
}
