/** The arena contract's view structs (contracts/interfaces/ICoveyArena.sol) as the types of src/types/arena.ts, and back. */
import { getBytes, hexlify } from 'ethers'
import { packScoreList, unpackScoreList } from '../../round/score-list.ts'
import type {
  ArenaParams,
  ArenaPhase,
  ArenaRole,
  ArenaSettlement,
  ArenaStatus,
  ArenaView,
  Champion,
  EpochView,
} from '../../types/arena.ts'
import { ALPHAS, ARENA_PHASES, ENTRY_OUTCOMES } from '../../types/arena.ts'
import type { Address, Hex, VoterOutcome } from '../../types/ledger.ts'
import { decodeAnswer, oneOf } from './answer.ts'
import { digestToHex, hexToDigest } from './commitment.ts'
import { arenaInterface } from './contracts.ts'

/** In the order of the contract's enums. */
const STATUSES: readonly ArenaStatus[] = ['open', 'running', 'finished', 'cancelled']
const VALIDATOR_OUTCOMES: readonly VoterOutcome[] = ['agreed', 'silent', 'unrevealed', 'apart', 'slashed']
const ROLES: readonly (ArenaRole | null)[] = [null, 'entrant', 'validator']

interface RawChampion {
  readonly account: Address
  readonly epoch: bigint
  readonly size: bigint
  readonly digest: Hex
}

type RuleName = Exclude<keyof ArenaParams['rules'], 'alpha'>

interface RawArena {
  readonly id: bigint
  readonly creator: Address
  readonly params: {
    readonly specDigest: Hex
    readonly baseDigest: Hex
    readonly probeRoot: Hex
    readonly pool: bigint
    readonly minStake: bigint
    readonly endsAt: bigint
    readonly epochs: bigint
    readonly entrants: bigint
    readonly validators: bigint
    readonly durations: Readonly<Record<keyof ArenaParams['seconds'], bigint>>
    readonly rules: Readonly<Record<RuleName | 'alpha', bigint>>
  }
  readonly status: bigint
  readonly epoch: bigint
  readonly phase: bigint
  readonly deadline: bigint
  readonly poolLeft: bigint
  readonly entrants: readonly Address[]
  readonly validators: bigint
  readonly champion: RawChampion
}

interface RawEpoch {
  readonly arena: bigint
  readonly epoch: bigint
  readonly phase: bigint
  readonly deadline: bigint
  readonly budget: bigint
  readonly fees: bigint
  readonly adapters: readonly {
    readonly account: Address
    readonly weight: bigint
    readonly commitment: Hex
    readonly digest: Hex
    readonly paid: bigint
    readonly size: bigint
    readonly since: bigint
    readonly slashBps: bigint
    readonly median: bigint
    readonly rank: bigint
    readonly copied: boolean
    readonly outcome: bigint
  }[]
  readonly validators: readonly {
    readonly account: Address
    readonly weight: bigint
    readonly commitment: Hex
    readonly packedScores: Hex
    readonly paid: bigint
    readonly slashBps: bigint
    readonly revealed: boolean
    readonly outcome: bigint
  }[]
  readonly sliceDigest: Hex
  readonly sliceSize: bigint
  readonly champion: RawChampion
  readonly settled: boolean
  readonly championMedian: bigint
  readonly next: bigint
}

/** What a view of the arena contract returns. @throws CoveyError E_CONTRACT when the bytes are not that */
const decode = <T>(view: string, data: Hex): T => decodeAnswer(arenaInterface, 'arena contract', view, data)[0] as T

export function decodeNumber(view: string, data: Hex): bigint {
  return decode<bigint>(view, data)
}

export function decodeRole(data: Hex): ArenaRole | null {
  return oneOf(ROLES, decode<bigint>('roleOf', data), 'role')
}

export function encodeRole(role: ArenaRole): number {
  return ROLES.indexOf(role)
}

export function encodeArenaScores(scores: readonly number[]): Hex {
  return hexlify(packScoreList(scores)) as Hex
}

/** createArena's struct. */
export function encodeArenaParams(p: ArenaParams): object {
  return {
    specDigest: digestToHex(p.specDigest, 'specDigest'),
    baseDigest: digestToHex(p.baseDigest, 'baseDigest'),
    probeRoot: p.probeRoot,
    pool: p.pool,
    minStake: p.minStake,
    endsAt: p.endsAt,
    epochs: p.epochs,
    entrants: p.entrants,
    validators: p.validators,
    durations: p.seconds,
    rules: { ...p.rules, alpha: ALPHAS.indexOf(p.rules.alpha) },
  }
}

export function decodeArena(data: Hex): ArenaView {
  const a = decode<RawArena>('arenaView', data)
  const { durations: d, rules: r } = a.params
  return {
    id: Number(a.id),
    creator: a.creator,
    params: {
      specDigest: a.params.specDigest.slice(2),
      baseDigest: a.params.baseDigest.slice(2),
      probeRoot: a.params.probeRoot,
      pool: a.params.pool,
      minStake: a.params.minStake,
      endsAt: Number(a.params.endsAt),
      epochs: Number(a.params.epochs),
      entrants: Number(a.params.entrants),
      validators: Number(a.params.validators),
      seconds: {
        submit: Number(d.submit),
        slice: Number(d.slice),
        reveal: Number(d.reveal),
        score: Number(d.score),
        tally: Number(d.tally),
      },
      rules: {
        gammaBps: Number(r.gammaBps),
        ratioBps: Number(r.ratioBps),
        alpha: oneOf(ALPHAS, r.alpha, 'alpha'),
        floor: Number(r.floor),
        tolerance: Number(r.tolerance),
        slashBps: Number(r.slashBps),
        faultBps: Number(r.faultBps),
        keeperBps: Number(r.keeperBps),
      },
    },
    status: oneOf(STATUSES, a.status, 'status'),
    epoch: Number(a.epoch),
    phase: oneOf<ArenaPhase>(ARENA_PHASES, a.phase, 'phase'),
    deadline: Number(a.deadline),
    poolLeft: a.poolLeft,
    entrants: [...a.entrants],
    validators: Number(a.validators),
    champion: toChampion(a.champion),
  }
}

export function decodeEpoch(data: Hex): EpochView {
  const e = decode<RawEpoch>('epochView', data)
  const slice = hexToDigest(e.sliceDigest)
  return {
    arena: Number(e.arena),
    epoch: Number(e.epoch),
    phase: oneOf<ArenaPhase>(ARENA_PHASES, e.phase, 'phase'),
    deadline: Number(e.deadline),
    budget: e.budget,
    fees: e.fees,
    entries: e.adapters.map((entry) => {
      const digest = hexToDigest(entry.digest)
      return {
        account: entry.account,
        weight: entry.weight,
        commitment: entry.commitment,
        reveal: digest === null ? null : { digest, size: Number(entry.size) },
        copied: entry.copied,
        since: Number(entry.since),
      }
    }),
    validators: e.validators.map((seat) => ({
      account: seat.account,
      weight: seat.weight,
      commitment: hexToDigest(seat.commitment) === null ? null : seat.commitment,
      scores: seat.revealed ? unpackScoreList(getBytes(seat.packedScores)) : null,
    })),
    slice: slice === null ? null : { digest: slice, size: Number(e.sliceSize) },
    champion: toChampion(e.champion),
    settlement: e.settled ? toSettlement(e) : null,
  }
}

function toSettlement(e: RawEpoch): ArenaSettlement {
  return {
    entries: e.adapters.map((entry) => ({
      outcome: oneOf(ENTRY_OUTCOMES, entry.outcome, 'outcome'),
      median: Number(entry.median),
      rank: Number(entry.rank),
      paid: entry.paid,
      slashBps: Number(entry.slashBps),
    })),
    validators: e.validators.map((seat) => ({
      outcome: oneOf(VALIDATOR_OUTCOMES, seat.outcome, 'outcome'),
      paid: seat.paid,
      slashBps: Number(seat.slashBps),
    })),
    championMedian: Number(e.championMedian),
    next: Number(e.next),
  }
}

function toChampion(c: RawChampion): Champion | null {
  const digest = hexToDigest(c.digest)
  return digest === null ? null : { account: c.account, digest, size: Number(c.size), epoch: Number(c.epoch) }
}
