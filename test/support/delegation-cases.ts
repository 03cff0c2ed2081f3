/** Named sequences of calls on the stake vault, whose results are stored in test/vectors/delegation.json. */
import { epochSeconds } from '../../src/round/delegation.ts'
import { type Name, type Step, UNBONDING_SECONDS } from './delegation-scenario.ts'

const EPOCH = epochSeconds(UNBONDING_SECONDS)
/** An amount with odd digits, so that rounding shows. */
const STAKE = 1_000_000_000_000_000_007n

const opened = (by: Name, bps = 1000): readonly Step[] => [
  { at: 1, op: 'deposit', by, amount: STAKE },
  { at: 2, op: 'setCommission', by, bps },
]
const delegate = (at: number, by: Name, to: Name, amount: bigint, most = 5000): Step => ({
  at,
  op: 'delegate',
  by,
  to,
  amount,
  most,
})
const slash = (at: number, to: Name, bps: number, weight: bigint, drawnAt: number): Step => ({
  at,
  op: 'slash',
  to,
  bps,
  weight,
  drawnAt,
})
/** More than anybody has: the slash is not bounded by the draw. */
const ALL = 10n ** 26n

export const DELEGATION_CASES: Readonly<Record<string, readonly Step[]>> = {
  'a reward is split by stake, less the commission': [
    ...opened('ann', 2500),
    delegate(3, 'cem', 'ann', STAKE),
    delegate(4, 'dia', 'ann', 2n * STAKE),
    { at: 5, op: 'reward', to: 'ann', amount: 1_000_003n },
    { at: 6, op: 'claimDelegation', by: 'cem', to: 'ann' },
    { at: 7, op: 'claimDelegation', by: 'cem', to: 'ann' },
  ],
  'who joins later earns nothing of what was paid before': [
    ...opened('ann', 0),
    delegate(3, 'cem', 'ann', 100n),
    { at: 4, op: 'reward', to: 'ann', amount: STAKE },
    delegate(5, 'dia', 'ann', 10_000n),
    { at: 6, op: 'reward', to: 'ann', amount: STAKE },
  ],
  'without delegators a reward is all the operator’s': [
    ...opened('ann'),
    { at: 3, op: 'reward', to: 'ann', amount: 99n },
  ],
  'a slash takes own stake, delegations and what is unbonding alike': [
    ...opened('ann'),
    delegate(3, 'cem', 'ann', 3_000_001n),
    delegate(4, 'dia', 'ann', 2n * STAKE),
    { at: 5, op: 'undelegate', by: 'dia', to: 'ann', amount: STAKE },
    { at: 6, op: 'requestWithdraw', by: 'ann', amount: STAKE / 3n },
    slash(7, 'ann', 1000, ALL, 1),
  ],
  'a slash takes no more than its part of the stake at the draw': [
    ...opened('ann'),
    { at: 3, op: 'deposit', by: 'ann', amount: 9n * STAKE },
    delegate(4, 'cem', 'ann', STAKE),
    slash(5, 'ann', 1000, STAKE, 2),
  ],
  'what was asked back in an epoch before the draw is out of reach': [
    ...opened('ann'),
    { at: 3, op: 'requestWithdraw', by: 'ann', amount: STAKE / 2n },
    slash(EPOCH + 5, 'ann', 5000, ALL, EPOCH),
    slash(EPOCH + 6, 'ann', 5000, ALL, EPOCH - 1),
  ],
  'what has finished unbonding is out of reach': [
    ...opened('ann'),
    { at: 3, op: 'requestWithdraw', by: 'ann', amount: STAKE / 2n },
    slash(EPOCH + UNBONDING_SECONDS, 'ann', 5000, ALL, 1),
    { at: EPOCH + UNBONDING_SECONDS + 1, op: 'withdraw', by: 'ann' },
  ],
  'stake leaves a whole period after the end of its epoch': [
    ...opened('ann'),
    { at: 3, op: 'requestWithdraw', by: 'ann', amount: 5n },
    { at: 4, op: 'requestWithdraw', by: 'ann', amount: 6n },
    { at: EPOCH + 1, op: 'requestWithdraw', by: 'ann', amount: 7n },
    { at: EPOCH + UNBONDING_SECONDS - 1, op: 'withdraw', by: 'ann' },
    { at: EPOCH + UNBONDING_SECONDS, op: 'withdraw', by: 'ann' },
    { at: 2 * EPOCH + UNBONDING_SECONDS, op: 'withdraw', by: 'ann' },
    { at: 2 * EPOCH + UNBONDING_SECONDS + 1, op: 'withdraw', by: 'ann' },
  ],
  'a raised commission waits for an unbonding period, a lowered one does not': [
    ...opened('ann', 1000),
    delegate(3, 'cem', 'ann', STAKE, 1000),
    { at: 4, op: 'setCommission', by: 'ann', bps: 2000 },
    delegate(5, 'dia', 'ann', 5n, 1000),
    { at: 6, op: 'reward', to: 'ann', amount: 1_000_000n },
    { at: 4 + UNBONDING_SECONDS, op: 'reward', to: 'ann', amount: 1_000_000n },
    { at: 5 + UNBONDING_SECONDS, op: 'setCommission', by: 'ann', bps: 500 },
    { at: 6 + UNBONDING_SECONDS, op: 'reward', to: 'ann', amount: 1_000_000n },
    { at: 7 + UNBONDING_SECONDS, op: 'setCommission', by: 'ann', bps: 5001 },
  ],
  'capacity is four times the own stake; above it the weight stops': [
    ...opened('ann'),
    delegate(3, 'cem', 'ann', 4n * STAKE + 1n),
    delegate(4, 'cem', 'ann', 4n * STAKE),
    delegate(5, 'dia', 'ann', 1n),
    { at: 6, op: 'requestWithdraw', by: 'ann', amount: STAKE - 1000n },
  ],
  'what cannot be delegated': [
    ...opened('ann'),
    delegate(3, 'ann', 'ann', 5n),
    delegate(4, 'cem', 'bob', 5n),
    delegate(5, 'cem', 'ann', 0n),
    delegate(6, 'cem', 'ann', 5n, 999),
    { at: 7, op: 'closeDelegation', by: 'ann' },
    { at: 8, op: 'closeDelegation', by: 'ann' },
    delegate(9, 'cem', 'ann', 5n),
    { at: 10, op: 'undelegate', by: 'cem', to: 'ann', amount: 1n },
    { at: 11, op: 'undelegate', by: 'cem', to: 'ann', amount: null },
  ],
  'a slash of everything ends a generation; rewards of before stay, and others may join anew': [
    ...opened('ann', 0),
    delegate(3, 'cem', 'ann', STAKE),
    { at: 4, op: 'undelegate', by: 'cem', to: 'ann', amount: STAKE / 4n },
    { at: 5, op: 'reward', to: 'ann', amount: 1_000_000n },
    slash(6, 'ann', 10_000, ALL, 1),
    { at: 7, op: 'undelegate', by: 'cem', to: 'ann', amount: null },
    { at: 8, op: 'deposit', by: 'ann', amount: STAKE },
    delegate(9, 'dia', 'ann', STAKE),
    { at: 10, op: 'undelegate', by: 'dia', to: 'ann', amount: STAKE / 2n },
    { at: 11, op: 'reward', to: 'ann', amount: 1_000_000n },
    { at: 12, op: 'claimDelegation', by: 'cem', to: 'ann' },
    { at: 13, op: 'claimDelegation', by: 'cem', to: 'ann' },
    delegate(14, 'cem', 'ann', 7n),
  ],
  'the first delegator of one wei takes nothing from those after it': [
    ...opened('ann', 0),
    delegate(3, 'cem', 'ann', 1n),
    { at: 4, op: 'reward', to: 'ann', amount: STAKE },
    delegate(5, 'dia', 'ann', 1_000_000n),
    slash(6, 'ann', 3333, ALL, 1),
    { at: 7, op: 'undelegate', by: 'cem', to: 'ann', amount: null },
    { at: 8, op: 'undelegate', by: 'dia', to: 'ann', amount: 333n },
  ],
}
