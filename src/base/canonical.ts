import canonicalize from 'canonicalize'
import { sha256 } from './bytes.ts'
import { CoveyError } from './errors.ts'

/** JSON text with one spelling (RFC 8785): same value, same bytes. @throws CoveyError E_ARGUMENT */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined)
    throw new CoveyError('E_ARGUMENT', 'canonicalJson: the value has no JSON form (undefined or a function)')
  return text
}

/** sha256 of a value's canonical JSON. */
export function digestOfJson(value: unknown): string {
  return sha256(canonicalJson(value))
}
