/** What the contracts refuse, as errors for people: the Solidity error's name and arguments, and a sentence. */
import { Interface } from 'ethers'
import { CoveyError } from '../base/errors.ts'
import { PHASES } from '../types/ledger.ts'
import { abi as tasksAbi } from './generated/CoveyTasks.ts'
import { abi as tokenAbi } from './generated/CoveyToken.ts'
import { abi as registryAbi } from './generated/NodeRegistry.ts'
import { abi as vaultAbi } from './generated/StakeVault.ts'
import { abi as limitsAbi } from './generated/TaskLimits.ts'

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

/** Every error that a call of ours can end in: those of the vault, the token and the libraries pass through. */
const errors = new Interface(
  [tasksAbi, tokenAbi, registryAbi, vaultAbi, limitsAbi].flatMap((abi) =>
    abi.filter((entry: { readonly type: string }) => entry.type === 'error'),
  ),
)

/**
 * Revert data as an error for people.
 * @param data what the EVM returned; null when the RPC left it out
 * @param call the function's name
 * @param reason the RPC's own words, for data that is not a custom error of ours
 */
export function revertOf(data: string | null, call: string, reason?: string | null): CoveyError {
  const parsed = data === null ? null : errors.parseError(data)
  if (parsed === null) return revert('Revert', { reason: reason ?? data ?? 'none given' }, call)
  const args = parsed.fragment.inputs.map((input, i): [string, unknown] => {
    const value: unknown = parsed.args[i]
    // enums come as numbers: phases by name, whole numbers that fit as such
    if (parsed.name === 'WrongPhase') return [input.name, PHASES[Number(value)]]
    return [input.name, value]
  })
  return revert(parsed.name, Object.fromEntries(args), call)
}

/** Custom error -> what it means and what to do. */
const SENTENCES: Readonly<Record<string, string>> = {
  AlreadyCommitted: 'this seat has committed to something else already; a commitment cannot be changed',
  AlreadyEnrolled: 'the account has joined this task already',
  AlreadyRevealed: 'this seat has revealed already',
  BadAccountSignature: "the binding is not signed by the account's key",
  BadParameter: 'a parameter of the task is out of its range',
  BadPeerIdLength: 'the peer id has a wrong length',
  BadPeerSignatureLength: "the peer's signature must have 64 bytes",
  BadProof: "the slice is not the one that the task's probe root names for this round",
  BadScoresLength: 'the scores do not fit the number of proposers',
  BindingExpired: 'the binding was sent too late; sign a new one',
  CapacityExceeded: 'the operator has too little of its own at stake for this much; delegate less, or to another',
  CommissionTooHigh: 'the commission is above what is allowed or agreed to',
  CommitmentMismatch: 'what was revealed is not what was committed to',
  DeadlinePassed: 'the phase is over; the round goes on without this act',
  DelegatesToItself: 'an operator stakes for itself by a deposit, not by a delegation',
  DelegationNotOpen: 'this account takes no delegations',
  ERC20InsufficientAllowance: 'the contract may not take this many tokens; approve more',
  ERC20InsufficientBalance: 'the account holds fewer tokens than this needs; fund it or use a smaller amount',
  EmptyCommitment: 'a commitment cannot be zero',
  EmptyReveal: 'digests and sizes cannot be zero',
  InsufficientDelegation: 'the account has less delegated to this operator than was asked back',
  InsufficientStake: 'the account has less at stake than was asked back',
  NonceNotNewer: 'a newer binding of this account stands already',
  NotCancellable: 'a task that runs can be cancelled only after it has been idle for days',
  NotCommitted: 'this seat has not committed',
  NotCreator: "only the task's creator may do this",
  NotDue: 'no phase is past its deadline',
  NotEnoughGas: 'the gas limit is too low; the stake must be able to reach the weights of eight tasks',
  NotEnoughNodes: 'too few enrolled nodes with enough stake to start a round',
  NotEnrolled: 'the account has not joined this task',
  NotProposer: 'the account has no proposer seat in this round',
  NotRegistered: 'the account is not bound to a peer id; register first',
  NotVoter: 'the account has no voter seat in this round',
  NothingToClaimFrom: 'nothing was earned by delegating to this operator since the last claim',
  NothingToClaim: 'the account has nothing to claim',
  NothingUnbonding: 'no stake is unbonding; request a withdrawal first',
  PeerIdTaken: 'another account has bound this peer id; use another peer key',
  RoundLongerThanUnbonding: 'the phases together may not be longer than the unbonding period; shorten them',
  StakeTooLow: 'the stake is below what this task asks for; deposit more',
  StillUnbonding: 'the stake is still unbonding; wait until the time named',
  TaskClosed: 'the task is finished or cancelled',
  TaskFull: 'the task has no room for another node',
  TooManyDelegations: 'the account delegates to as many operators as it may; undelegate from one first',
  TooManyEnrolments: 'the account has joined as many tasks as it may; leave one first',
  TooManyUnbonding: 'too much is unbonding in separate parts; withdraw what is free first, or wait',
  UnknownTask: 'there is no such task on this chain',
  VaultNotBound: 'the stake vault is not bound to this tasks contract; the deployment is incomplete',
  WrongPhase: 'the round is in another phase',
  WrongRound: 'this is not the open round',
  ZeroAmount: 'the amount must be above 0',
}
