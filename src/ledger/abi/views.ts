/** The contracts' view structs (contracts/interfaces) as the types of src/types/ledger.ts, and the way back for parameters. */
import { hexlify } from 'ethers'
import { packScores, unpackScores } from '../../round/packed-scores.ts'
import type {
  AccountView,
  Address,
  Hex,
  Phase,
  ProposerOutcome,
  ProposerSeat,
  RoundView,
  Scores,
  TaskParams,
  TaskStatus,
  TaskView,
  VoterOutcome,
  VoterSeat,
} from '../../types/ledger.ts'
import { PHASES } from '../../types/ledger.ts'
import { decodeAnswer, oneOf } from './answer.ts'
import { digestToHex, hexToDigest } from './commitment.ts'
import { tasksInterface } from './contracts.ts'

/** In the order of the contracts' enums. */
const STATUSES: readonly TaskStatus[] = ['open', 'running', 'finished', 'cancelled']
const PROPOSER_OUTCOMES: readonly ProposerOutcome[] = [
  'included',
  'silent',
  'unrevealed',
  'other-base',
  'absent',
  'excluded',
  'vetoed',
  'slashed',
]
const VOTER_OUTCOMES: readonly VoterOutcome[] = ['agreed', 'silent', 'unrevealed', 'apart', 'slashed']
const ZERO_BYTES32 = `0x${'0'.repeat(64)}`

type PhaseName = keyof TaskParams['seconds']
type RuleName = keyof TaskParams['rules']

interface RawParams {
  readonly specDigest: Hex
  readonly baseDigest: Hex
  readonly probeRoot: Hex
  readonly pool: bigint
  readonly minStake: bigint
  readonly rounds: bigint
  readonly proposers: bigint
  readonly voters: bigint
  readonly durations: Readonly<Record<PhaseName, bigint>>
  readonly rules: Readonly<Record<RuleName, bigint>>
}

interface RawTask {
  readonly id: bigint
  readonly creator: Address
  readonly params: RawParams
  readonly status: bigint
  readonly round: bigint
  readonly phase: bigint
  readonly deadline: bigint
  readonly poolLeft: bigint
  readonly enrolled: bigint
}

interface RawSeat {
  readonly account: Address
  readonly weight: bigint
  readonly commitment: Hex
  readonly paid: bigint
  readonly slashBps: bigint
  readonly revealed: boolean
  readonly outcome: bigint
}

interface RawRound {
  readonly task: bigint
  readonly round: bigint
  readonly phase: bigint
  readonly deadline: bigint
  readonly proposers: readonly (RawSeat & {
    readonly deltaDigest: Hex
    readonly baseDigest: Hex
    readonly size: bigint
    readonly median: bigint
  })[]
  readonly voters: readonly (RawSeat & { readonly packedScores: Hex })[]
  readonly probeDigest: Hex
  readonly probeSize: bigint
  readonly settled: boolean
  readonly agreedBase: Hex
  readonly incumbentMedian: bigint
  readonly rolledBack: boolean
}

interface RawAccount {
  readonly wallet: bigint
  readonly stake: bigint
  readonly unbonding: bigint
  readonly unbondsAt: bigint
  readonly claimable: bigint
  readonly earned: bigint
  readonly slashed: bigint
}

/** The one struct that a view returns. @throws CoveyError E_CONTRACT when the bytes are not that struct */
const decode = <T>(view: string, data: Hex): T => decodeAnswer(tasksInterface, 'contract', view, data)[0] as T

export function decodeTask(data: Hex): TaskView {
  const t = decode<RawTask>('taskView', data)
  return {
    id: Number(t.id),
    creator: t.creator,
    params: decodeParams(t.params),
    status: oneOf(STATUSES, t.status, 'status'),
    round: Number(t.round),
    phase: oneOf<Phase>(PHASES, t.phase, 'phase'),
    deadline: Number(t.deadline),
    poolLeft: t.poolLeft,
    enrolled: Number(t.enrolled),
  }
}

function decodeParams(p: RawParams): TaskParams {
  const { durations: d, rules: r } = p
  return {
    specDigest: p.specDigest.slice(2),
    baseDigest: p.baseDigest.slice(2),
    probeRoot: p.probeRoot === ZERO_BYTES32 ? null : p.probeRoot,
    pool: p.pool,
    rounds: Number(p.rounds),
    proposers: Number(p.proposers),
    voters: Number(p.voters),
    minStake: p.minStake,
    seconds: {
      train: Number(d.train),
      reveal: Number(d.reveal),
      probe: Number(d.probe),
      score: Number(d.score),
      tally: Number(d.tally),
    },
    rules: {
      excludeBelow: Number(r.excludeBelow),
      excludeSpreadBps: Number(r.excludeSpreadBps),
      slashBelow: Number(r.slashBelow),
      slashSpreadBps: Number(r.slashSpreadBps),
      vetoBelow: Number(r.vetoBelow),
      tolerance: Number(r.tolerance),
      voterBps: Number(r.voterBps),
      equalBps: Number(r.equalBps),
      slashBps: Number(r.slashBps),
      faultBps: Number(r.faultBps),
    },
  }
}

/** The contract's TaskParams struct for ethers. */
export function encodeParams({ seconds, ...params }: TaskParams): Record<string, unknown> {
  return {
    ...params,
    specDigest: digestToHex(params.specDigest, 'specDigest'),
    baseDigest: digestToHex(params.baseDigest, 'baseDigest'),
    probeRoot: params.probeRoot ?? ZERO_BYTES32,
    durations: seconds,
  }
}

export function decodeRound(data: Hex): RoundView {
  const r = decode<RawRound>('roundView', data)
  const commitment = (seat: RawSeat): Hex | null => (seat.commitment === ZERO_BYTES32 ? null : seat.commitment)
  const proposers = r.proposers.map(
    (s): ProposerSeat => ({
      account: s.account,
      weight: s.weight,
      commitment: commitment(s),
      reveal: s.revealed
        ? { digest: s.deltaDigest.slice(2), size: Number(s.size), baseDigest: s.baseDigest.slice(2) }
        : null,
    }),
  )
  const voters = r.voters.map(
    (s): VoterSeat => ({
      account: s.account,
      weight: s.weight,
      commitment: commitment(s),
      scores: s.revealed ? decodeScores(s.packedScores, proposers.length) : null,
    }),
  )
  const probe = hexToDigest(r.probeDigest)
  return {
    task: Number(r.task),
    round: Number(r.round),
    phase: oneOf<Phase>(PHASES, r.phase, 'phase'),
    deadline: Number(r.deadline),
    proposers,
    voters,
    probe: probe === null ? null : { digest: probe, size: Number(r.probeSize) },
    settlement: r.settled
      ? {
          proposers: r.proposers.map((s) => ({
            outcome: oneOf(PROPOSER_OUTCOMES, s.outcome, 'outcome'),
            median: Number(s.median),
            paid: s.paid,
            slashBps: Number(s.slashBps),
          })),
          voters: r.voters.map((s) => ({
            outcome: oneOf(VOTER_OUTCOMES, s.outcome, 'outcome'),
            paid: s.paid,
            slashBps: Number(s.slashBps),
          })),
          agreedBase: hexToDigest(r.agreedBase),
          incumbentMedian: Number(r.incumbentMedian),
          rolledBack: r.rolledBack,
        }
      : null,
  }
}

export const encodeScores = (scores: Scores): Hex => hexlify(packScores(scores)) as Hex

const decodeScores = (packed: Hex, proposers: number): Scores =>
  unpackScores(Uint8Array.from(Buffer.from(packed.slice(2), 'hex')), proposers)

/** @param gas the chain's own coin, wei: the contract does not see it */
export function decodeAccount(data: Hex, account: Address, gas: bigint): AccountView {
  const a = decode<RawAccount>('accountView', data)
  return {
    account,
    wallet: a.wallet,
    gas,
    stake: a.stake,
    unbonding: a.unbonding,
    unbondsAt: Number(a.unbondsAt),
    claimable: a.claimable,
    earned: a.earned,
    slashed: a.slashed,
  }
}
