/** What the contracts refuse, as errors for people: the Solidity error's name and arguments, and a sentence. */
import { CoveyError } from '../base/errors.ts'

/** An error's arguments by their Solidity names. */
export type RevertArgs = Readonly<Record<string, unknown>>

/** Errors that mean "the money is not there": another remedy than a refused call. */
const FUNDS_ERRORS: ReadonlySet<string> = new Set(['ERC20InsufficientBalance', 'ERC20InsufficientAllowance'])

/** E_REVERT (or E_FUNDS) for the contracts' custom error `name`; `data` holds name, args and the function called. */
export function revert(name: string, args: RevertArgs, call?: string): CoveyError {
  const list = Object.entries(args)
    .map(([key, value]) => `${key} ${String(value)}`)
    .join(', ')
  const code = FUNDS_ERRORS.has(name) ? 'E_FUNDS' : 'E_REVERT'
  const what = SENTENCES[name] ?? 'the contract refused the call'
  return new CoveyError(code, `${call === undefined ? '' : `${call}: `}${what} (${name}${list && `: ${list}`})`, {
    name,
    args,
    ...(call === undefined ? {} : { call }),
  })
}

/** True when `error` is a contract's refusal with this name. */
export function isRevert(error: unknown, name?: string): error is CoveyError {
  return (
    error instanceof CoveyError &&
    (error.code === 'E_REVERT' || error.code === 'E_FUNDS') &&
    (name === undefined || error.data.name === name)
  )
}

/** Custom error -> what it means and what to do. */
const SENTENCES: Readonly<Record<string, string>> = {
  ERC20InsufficientBalance: 'the account holds fewer tokens than this needs; fund it or use a smaller amount',
  ERC20InsufficientAllowance: 'the contract may not take this many tokens; approve more',
}
