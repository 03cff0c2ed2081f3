/** Settings of methods, checked; each message names the field. */
import { CoveyError } from '../base/errors.ts'

/** @throws CoveyError E_ADAPTER, always */
export function refuse(field: string, expected: string, got: unknown): never {
  throw new CoveyError('E_ADAPTER', `adapter.${field}: expected ${expected}, got ${JSON.stringify(got)}`, {
    field,
    got,
  })
}

/** @throws CoveyError E_ADAPTER */
export function checkInteger(field: string, value: number, from: number, to: number): void {
  if (!Number.isInteger(value) || value < from || value > to) refuse(field, `an integer from ${from} to ${to}`, value)
}

/** @throws CoveyError E_ADAPTER unless each is known and named once */
export function checkNames(field: string, names: readonly string[], known: readonly string[], least = 1): void {
  if (names.length < least || !names.every((n) => known.includes(n)) || new Set(names).size !== names.length)
    refuse(field, `${least === 0 ? 'some' : 'one or more'} of ${known.join(', ')}, each once`, names)
}
