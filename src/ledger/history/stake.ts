/** What became of an account's stake, own and delegated, out of events alone: what it put in, asked back, lost and took out. */
import type { Address } from '../../types/ledger.ts'
import { argOf, type History, type HistoryEvent, type Place, placeOf } from './events.ts'
import { Replay } from './replay.ts'

/** Wei at one moment. */
export interface StakeBalance {
  /** own */
  readonly stake: bigint
  /** with other operators */
  readonly delegated: bigint
  readonly unbonding: bigint
}

type Act =
  | { readonly kind: 'deposited' | 'withdrawn'; readonly amount: bigint }
  | { readonly kind: 'unbonding'; readonly operator: Address; readonly amount: bigint; readonly unbondsAt: number }
  | { readonly kind: 'delegated'; readonly operator: Address; readonly amount: bigint }

export interface Slash {
  readonly kind: 'slashed'
  /** for whose fault, in which seat */
  readonly operator: Address
  /** `arena`: `task` and `round` are the arena's number and its epoch's */
  readonly contract: 'tasks' | 'arena'
  readonly task: number
  readonly round: number
  readonly bps: number
  /** the account's loss, by where it lay */
  readonly lost: StakeBalance
}

export type StakeStep = Place & { readonly after: StakeBalance } & (Act | Slash)

const ACTS: ReadonlySet<string> = new Set(['Deposited', 'WithdrawRequested', 'Withdrawn', 'Delegated', 'Undelegated'])

/** Oldest first. Pure. @throws CoveyError E_CONTRACT when events contradict each other */
export function stakeHistory(history: History, account: Address): readonly StakeStep[] {
  const replay = new Replay(history)
  const { vault } = replay
  const balance = (): StakeBalance => ({
    stake: vault.stakeOf(account),
    delegated: total(vault.delegations(account)),
    unbonding: total(vault.unbondings(account)),
  })
  const steps: StakeStep[] = []
  for (const event of history.events) {
    const slash = event.contract !== 'vault' && 'bps' in event.args
    const before = slash ? balance() : null
    const effect = replay.apply(event)
    if (effect.kind === 'slashed' && before !== null) {
      const after = balance()
      const lost = {
        stake: before.stake - after.stake,
        delegated: before.delegated - after.delegated,
        unbonding: before.unbonding - after.unbonding,
      }
      if (lost.stake + lost.delegated + lost.unbonding === 0n) continue
      const { contract, task, round } = effect.round
      steps.push({
        ...placeOf(event),
        kind: 'slashed',
        operator: effect.account,
        contract,
        task,
        round,
        bps: effect.bps,
        lost,
        after,
      })
    } else if (event.contract === 'vault' && ACTS.has(event.name) && argOf.account(event, 'account') === account) {
      steps.push({ ...placeOf(event), ...act(event, account, vault), after: balance() })
    }
  }
  return steps
}

function act(event: HistoryEvent, account: Address, vault: Replay['vault']): Act {
  const amount = argOf.amount(event, 'amount')
  const operator = event.name === 'WithdrawRequested' ? account : (event.args.operator as Address)
  switch (event.name) {
    case 'Deposited':
      return { kind: 'deposited', amount }
    case 'Withdrawn':
      return { kind: 'withdrawn', amount }
    case 'Delegated':
      return { kind: 'delegated', operator, amount }
    default: {
      // the newest one of this operator: what was asked back in one epoch is free together
      const unbondsAt = Math.max(
        0,
        ...vault.unbondings(account).flatMap((u) => (u.operator === operator ? u.unbondsAt : [])),
      )
      return { kind: 'unbonding', operator, amount, unbondsAt }
    }
  }
}

const total = (parts: readonly { readonly amount: bigint }[]): bigint => parts.reduce((sum, p) => sum + p.amount, 0n)
