/** Round inputs for tests: a plain task of two rounds with three proposers and two voters, changed where a case needs it. */
import type {
  Address,
  Phase,
  ProposerOutcome,
  ProposerSeat,
  RoundView,
  Settlement,
  TaskView,
  VoterSeat,
} from '../../src/types/ledger.ts'
import type { LocalFacts, RoundInput } from '../../src/types/round.ts'

export const START = 1_700_000_000
export const DEADLINE = START + 100

/** A 20-byte address that shows its number. */
export const account = (n: number): Address => `0x${n.toString(16).padStart(40, '0')}`
/** A digest that shows its number. */
export const digest = (n: number): string => n.toString(16).padStart(64, '0')

export const proposerSeat = (n: number, state: 'silent' | 'committed' | 'revealed' = 'silent'): ProposerSeat => ({
  account: account(n),
  weight: 100n,
  commitment: state === 'silent' ? null : `0x${digest(n)}`,
  reveal: state === 'revealed' ? { digest: digest(n), size: 10 * n, baseDigest: digest(999) } : null,
})

export const voterSeat = (n: number, committed = false): VoterSeat => ({
  account: account(n),
  weight: 100n,
  commitment: committed ? `0x${digest(n)}` : null,
  scores: null,
})

export const settlement = (outcomes: readonly ProposerOutcome[], rolledBack = false): Settlement => ({
  proposers: outcomes.map((outcome) => ({ outcome, median: 0, paid: 0n, slashBps: 0 })),
  voters: [],
  agreedBase: digest(999),
  incumbentMedian: 0,
  rolledBack,
})

export const roundView = (phase: Phase, change: Partial<RoundView> = {}): RoundView => ({
  task: 1,
  round: 1,
  phase,
  deadline: phase === 'idle' ? 0 : DEADLINE,
  proposers: [proposerSeat(1), proposerSeat(2), proposerSeat(3)],
  voters: [voterSeat(4), voterSeat(5)],
  probe: null,
  settlement: null,
  ...change,
})

export const taskView = (phase: Phase, change: Partial<TaskView> = {}): TaskView => ({
  id: 1,
  creator: account(100),
  params: {
    specDigest: digest(1000),
    baseDigest: digest(1001),
    probeRoot: `0x${digest(1002)}`,
    pool: 1000n,
    rounds: 2,
    proposers: 3,
    voters: 2,
    minStake: 10n,
    seconds: { train: 100, reveal: 100, probe: 100, score: 100, tally: 100 },
    rules: {
      excludeBelow: 10,
      excludeSpreadBps: 1000,
      slashBelow: 100,
      slashSpreadBps: 5000,
      vetoBelow: 100,
      tolerance: 10,
      voterBps: 2000,
      equalBps: 2000,
      slashBps: 1000,
      faultBps: 100,
    },
  },
  status: 'running',
  round: 1,
  phase,
  deadline: phase === 'idle' ? 0 : DEADLINE,
  poolLeft: 1000n,
  enrolled: 6,
  ...change,
})

export const NOTHING: LocalFacts = {
  aggregated: 0,
  trained: null,
  deltas: {},
  haveSlice: false,
  scored: null,
  ownSlice: null,
  cohorts: null,
}

/** Facts of account `me` in `phase` of round 1, 10 seconds after it began. */
export function roundInput(
  me: number,
  phase: Phase,
  change: Omit<Partial<RoundInput>, 'task' | 'local'> & { task?: Partial<TaskView>; local?: Partial<LocalFacts> } = {},
): RoundInput {
  const { task, local, ...rest } = change
  return {
    task: taskView(phase, task),
    round: roundView(phase),
    me: account(me),
    enrolled: true,
    claimable: false,
    now: START + 10,
    since: START,
    duties: { participate: true, keep: false },
    ...rest,
    local: { ...NOTHING, ...local },
  }
}
