/** Token amounts as people write them ("12.5 COVEY") and as the chain counts them (wei, 10^-18 COVEY). Exact both ways. */
import { CoveyError } from '../base/errors.ts'

export const TOKEN_SYMBOL = 'COVEY'
const DECIMALS = 18
const UNIT = 10n ** BigInt(DECIMALS)
/** No amount of a fixed supply has more digits; keeps a hostile string from becoming a huge number. */
const MAX_CHARS = 80
const AMOUNT = /^(\d+)(?:\.(\d+))?(?:\s*([a-z]+))?$/i

/** Wei as text: `12.5 COVEY`; no trailing zeros, nothing rounded. Negative amounts carry a minus. */
export function formatAmount(wei: bigint): string {
  const size = wei < 0n ? -wei : wei
  const fraction = (size % UNIT).toString().padStart(DECIMALS, '0').replace(/0+$/, '')
  return `${wei < 0n ? '-' : ''}${size / UNIT}${fraction && `.${fraction}`} ${TOKEN_SYMBOL}`
}

/**
 * Text as wei: a decimal number, then `COVEY`, `wei` or nothing (COVEY).
 * @throws CoveyError E_ARGUMENT on anything else, or more than 18 decimals
 */
export function parseAmount(text: string, name = 'amount'): bigint {
  const bad = (why: string): CoveyError =>
    new CoveyError(
      'E_ARGUMENT',
      `${name}: expected an amount such as "12.5 ${TOKEN_SYMBOL}" or "10 wei", got ${JSON.stringify(text.slice(0, MAX_CHARS))}${why}`,
      { name },
    )
  const match = text.length <= MAX_CHARS ? AMOUNT.exec(text.trim()) : null
  if (match === null) throw bad('')
  const [, whole = '', fraction = '', unit = TOKEN_SYMBOL] = match
  if (unit.toLowerCase() === 'wei') {
    if (fraction !== '') throw bad(': a wei has no parts')
    return BigInt(whole)
  }
  if (unit.toUpperCase() !== TOKEN_SYMBOL) throw bad(`: unknown unit ${unit}`)
  if (fraction.length > DECIMALS) throw bad(`: at most ${DECIMALS} decimals`)
  return BigInt(whole) * UNIT + BigInt(fraction.padEnd(DECIMALS, '0'))
}
