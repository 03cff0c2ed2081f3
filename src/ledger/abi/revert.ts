/** What the contracts refuse, as errors for people: the Solidity error's name and arguments, and a sentence (refusals.ts). */
import { Interface } from 'ethers'
import { CoveyError } from '../../base/errors.ts'
import { ARENA_PHASES } from '../../types/arena.ts'
import { PHASES } from '../../types/ledger.ts'
import { formatAmount } from '../amount.ts'
import { abi as arenaAbi } from '../generated/CoveyArena.ts'
import { abi as tasksAbi } from '../generated/CoveyTasks.ts'
import { abi as tokenAbi } from '../generated/CoveyToken.ts'
import { abi as viewsAbi } from '../generated/CoveyViews.ts'
import { abi as emissionsAbi } from '../generated/Emissions.ts'
import { abi as registryAbi } from '../generated/NodeRegistry.ts'
import { abi as vaultAbi } from '../generated/StakeVault.ts'
import { abi as limitsAbi } from '../generated/TaskLimits.ts'
import { REFUSALS } from './refusals.ts'

/** An error's arguments by their Solidity names. */
export type RevertArgs = Readonly<Record<string, unknown>>

/** Errors that mean "the money is not there": another remedy than a refused call. */
const FUNDS_ERRORS: ReadonlySet<string> = new Set(['ERC20InsufficientBalance', 'ERC20InsufficientAllowance'])

/** Arguments that are wei, and those that are unix seconds: people read neither as they come. */
const AMOUNTS: ReadonlySet<string> = new Set([
  ...['amount', 'stake', 'minStake', 'balance', 'needed', 'allowance', 'delegated', 'capacity', 'supply'],
])
const TIMES: ReadonlySet<string> = new Set(['deadline', 'time', 'from', 'unbondsAt', 'expiry', 'endsAt', 'freeAt'])
/** Later than this a number of seconds is no date: the contracts' "never" and "all". */
const LAST_DATE_SECONDS = 8_640_000_000_000n

/**
 * E_REVERT (or E_FUNDS) for the contracts' custom error `name`; `data` holds name, args as they came, the function called and
 * what to do.
 */
export function revert(name: string, args: RevertArgs, call?: string): CoveyError {
  const list = Object.entries(args)
    .map(([key, value]) => `${key} ${shown(key, value)}`)
    .join(', ')
  const code = FUNDS_ERRORS.has(name) ? 'E_FUNDS' : 'E_REVERT'
  const [what, remedy] = REFUSALS[name] ?? ['the contract refused the call', null]
  return new CoveyError(code, `${call === undefined ? '' : `${call}: `}${what} (${name}${list && `: ${list}`})`, {
    name,
    args,
    ...(call === undefined ? {} : { call }),
    ...(remedy === null ? {} : { remedy }),
  })
}

function shown(key: string, value: unknown): string {
  if (typeof value !== 'bigint' && typeof value !== 'number') return String(value)
  const whole = BigInt(value)
  if (AMOUNTS.has(key)) return formatAmount(whole)
  if (TIMES.has(key) && whole > 0n && whole < LAST_DATE_SECONDS)
    return new Date(Number(whole) * 1000).toISOString().replace('.000', '')
  return String(value)
}

/** True when `error` is a contract's refusal with this name. */
export function isRevert(error: unknown, name?: string): error is CoveyError {
  return (
    error instanceof CoveyError &&
    (error.code === 'E_REVERT' || error.code === 'E_FUNDS') &&
    (name === undefined || error.data.name === name)
  )
}

/** Every error that a call of ours can end in: those of the vault, the token and the libraries pass through. */
const errors = new Interface(
  [tasksAbi, arenaAbi, tokenAbi, registryAbi, vaultAbi, limitsAbi, emissionsAbi, viewsAbi].flatMap((abi) =>
    abi.filter((entry: { readonly type: string }) => entry.type === 'error'),
  ),
)

/** `0x` and four bytes. */
const SELECTOR_CHARS = 10

/**
 * Revert data as an error for people.
 * @param data what the EVM returned; null when the RPC left it out
 * @param call the function's name
 * @param reason the RPC's own words, for data that is not a custom error of ours
 */
export function revertOf(data: string | null, call: string, reason?: string | null): CoveyError {
  // a contract that takes no coin, or a bare `revert()`, returns nothing at all
  const parsed = data === null || data.length < SELECTOR_CHARS ? null : errors.parseError(data)
  if (parsed === null)
    return revert('Revert', { reason: reason ?? (data === '0x' ? null : data) ?? 'none given' }, call)
  const args = parsed.fragment.inputs.map((input, i): [string, unknown] => {
    const value: unknown = parsed.args[i]
    // enums come as numbers: phases by name, whole numbers that fit as such
    if (parsed.name === 'WrongPhase') return [input.name, PHASES[Number(value)]]
    if (parsed.name === 'WrongArenaPhase') return [input.name, ARENA_PHASES[Number(value)]]
    return [input.name, value]
  })
  return revert(parsed.name, Object.fromEntries(args), call)
}
