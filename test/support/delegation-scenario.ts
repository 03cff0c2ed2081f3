/** Sequences of calls on the stake vault, for the vault in memory and the one on chain: what came of each, and what stands after all. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { isCoveyError } from '../../src/base/errors.ts'
import { MemoryVault } from '../../src/ledger/memory/vault.ts'
import { epochSeconds } from '../../src/round/delegation.ts'
import type { Address } from '../../src/types/ledger.ts'

export const UNBONDING_SECONDS = 1000
/** Accounts of every scenario. */
export const NAMES = ['ann', 'bob', 'cem', 'dia'] as const
export type Name = (typeof NAMES)[number]

/** `at`: seconds after the scenario's start, which stands at the start of an epoch; rising from step to step. Amounts in wei. */
export type Step = { readonly at: number } & (
  | { readonly op: 'deposit' | 'requestWithdraw'; readonly by: Name; readonly amount: bigint }
  | { readonly op: 'withdraw' | 'closeDelegation'; readonly by: Name }
  | { readonly op: 'setCommission'; readonly by: Name; readonly bps: number }
  | { readonly op: 'delegate'; readonly by: Name; readonly to: Name; readonly amount: bigint; readonly most: number }
  | { readonly op: 'undelegate'; readonly by: Name; readonly to: Name; readonly amount: bigint | null }
  | { readonly op: 'claimDelegation'; readonly by: Name; readonly to: Name }
  | {
      readonly op: 'reward'
      readonly to: Name
      readonly amount: bigint
      readonly weight: bigint
      readonly drawnAt: number
    }
  | {
      readonly op: 'slash'
      readonly to: Name
      readonly bps: number
      readonly weight: bigint
      readonly drawnAt: number
    }
)

/** What one account has and is, times relative to the start. */
export interface Standing {
  readonly stake: bigint
  readonly weight: bigint
  readonly delegated: bigint
  readonly commissionBps: number
  readonly nextCommissionBps: number | null
  readonly slashed: bigint
  /** by operator */
  readonly delegations: readonly (readonly [Name, bigint, bigint, bigint])[]
  /** by time, operator */
  readonly unbondings: readonly (readonly [number, Name, bigint])[]
}

export interface Outcome {
  /** wei that moved, null where nothing moves, or the error's name */
  readonly steps: readonly (bigint | string | null)[]
  readonly after: Readonly<Record<Name, Standing>>
}

const ADDRESSES = Object.fromEntries(NAMES.map((name, i) => [name, `0x${String(i + 1).repeat(40)}`])) as Record<
  Name,
  Address
>
/** Late enough that no unbonding period reaches before the chain's beginning. */
const START = 1_000 * epochSeconds(UNBONDING_SECONDS)

export function runInMemory(steps: readonly Step[]): Outcome {
  const vault = new MemoryVault(UNBONDING_SECONDS)
  const nameOf = (address: Address): Name => NAMES.find((name) => ADDRESSES[name] === address) as Name
  const results = steps.map((step) => {
    try {
      return act(vault, step) ?? null
    } catch (error) {
      if (isCoveyError(error, 'E_REVERT')) return String(error.data.name)
      throw error
    }
  })
  const now = START + (steps.at(-1)?.at ?? 0)
  const after = Object.fromEntries(
    NAMES.map((name): [Name, Standing] => {
      const address = ADDRESSES[name]
      const view = vault.operator(address, now)
      return [
        name,
        standing({
          ...view,
          weight: vault.weightOf(address),
          nextCommissionBps: view.next?.commissionBps ?? null,
          slashed: vault.slashedOf(address),
          delegations: vault.delegations(address).map((d) => [nameOf(d.operator), d.amount, d.shares, d.rewards]),
          unbondings: vault.unbondings(address).map((u) => [u.unbondsAt - START, nameOf(u.operator), u.amount]),
        }),
      ]
    }),
  )
  return { steps: results, after: after as Record<Name, Standing> }
}

/** The fields of a Standing, lists in the order that a test may compare. */
export function standing(s: Standing): Standing {
  return {
    stake: s.stake,
    weight: s.weight,
    delegated: s.delegated,
    commissionBps: s.commissionBps,
    nextCommissionBps: s.nextCommissionBps,
    slashed: s.slashed,
    delegations: [...s.delegations].sort(([a], [b]) => (a < b ? -1 : 1)),
    unbondings: [...s.unbondings].sort(([t, a], [u, b]) => t - u || (a < b ? -1 : 1)),
  }
}

// biome-ignore lint/suspicious/noConfusingVoidType: what a call without a result gives
function act(vault: MemoryVault, step: Step): bigint | void {
  const now = START + step.at
  const of = (name: Name): Address => ADDRESSES[name]
  switch (step.op) {
    case 'deposit':
      return vault.deposit(of(step.by), step.amount)
    case 'requestWithdraw':
      return vault.requestWithdraw(of(step.by), step.amount, now)
    case 'withdraw':
      return vault.withdraw(of(step.by), now)
    case 'setCommission':
      return vault.setCommission(of(step.by), step.bps, now)
    case 'closeDelegation':
      return vault.closeDelegation(of(step.by))
    case 'delegate':
      return vault.delegate(of(step.by), of(step.to), step.amount, step.most, now)
    case 'undelegate':
      return vault.undelegate(of(step.by), of(step.to), step.amount, now)
    case 'claimDelegation':
      return vault.claimDelegation(of(step.by), of(step.to))
    case 'reward':
      return vault.reward(of(step.to), step.amount, step.weight, START + step.drawnAt, now)
    case 'slash':
      return vault.slash(of(step.to), step.bps, step.weight, START + step.drawnAt, now)
  }
}

/** Any sequence of calls, mostly ones that can succeed: two operators with stake, amounts of every size. */
export const anyScenario: fc.Arbitrary<readonly Step[]> = (() => {
  const name = fc.constantFrom(...NAMES)
  const operator = fc.constantFrom<Name>('ann', 'bob')
  const amount = fc.oneof(
    fc.bigInt({ min: 1n, max: 20n }),
    fc.bigInt({ min: 1n, max: 10n ** 6n }),
    fc.bigInt({ min: 1n, max: 10n ** 21n }),
  )
  const bps = fc.oneof(fc.constantFrom(100, 1000, 9_999, 10_000), fc.integer({ min: 0, max: 10_000 }))
  const call = fc.oneof(
    fc.record({ op: fc.constant('deposit' as const), by: operator, amount }),
    fc.record({ op: fc.constant('requestWithdraw' as const), by: operator, amount }),
    fc.record({ op: fc.constant('withdraw' as const), by: name }),
    fc.record({ op: fc.constant('setCommission' as const), by: operator, bps: fc.integer({ min: 0, max: 5_001 }) }),
    fc.record({ op: fc.constant('closeDelegation' as const), by: operator }),
    {
      weight: 4,
      arbitrary: fc.record({
        op: fc.constant('delegate' as const),
        by: name,
        to: operator,
        amount,
        most: fc.constant(5_000),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        op: fc.constant('undelegate' as const),
        by: name,
        to: operator,
        amount: fc.option(amount),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        op: fc.constant('reward' as const),
        to: operator,
        amount,
        weight: fc.oneof(amount, fc.constant(10n ** 24n)),
        drawnAt: fc.nat(300),
      }),
    },
    fc.record({ op: fc.constant('claimDelegation' as const), by: name, to: operator }),
    {
      weight: 2,
      arbitrary: fc.record({
        op: fc.constant('slash' as const),
        to: operator,
        bps,
        weight: fc.oneof(amount, fc.constant(10n ** 24n)),
        drawnAt: fc.nat(3000),
      }),
    },
  )
  const waited = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 900 }))
  return fc.array(fc.tuple(waited, call), { minLength: 4, maxLength: 30 }).map((calls) => {
    let at = 4
    const first: Step[] = (['ann', 'bob'] as const).flatMap((by, i): Step[] => [
      { at: 1 + 2 * i, op: 'deposit', by, amount: 10n ** 20n },
      { at: 2 + 2 * i, op: 'setCommission', by, bps: 1_000 * i },
    ])
    const rest = calls.map(([wait, step]): Step => {
      at += wait
      // a round is drawn before it settles
      return step.op === 'slash' || step.op === 'reward'
        ? { ...step, at, drawnAt: Math.max(0, at - step.drawnAt) }
        : { ...step, at }
    })
    return [...first, ...rest]
  })
})()

interface Case {
  readonly name: string
  readonly steps: readonly Step[]
  readonly expected: Outcome
}

/** Bigints as "123n", so that they come back as such. */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v))

/** Every stored case of test/vectors/delegation.json. */
export function delegationCases(): readonly Case[] {
  const text = readFileSync(new URL('../vectors/delegation.json', import.meta.url), 'utf8')
  const revive = (_: string, v: unknown): unknown =>
    typeof v === 'string' && /^\d+n$/.test(v) ? BigInt(v.slice(0, -1)) : v
  return (JSON.parse(text, revive) as { cases: readonly Case[] }).cases
}
