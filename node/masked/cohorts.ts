/** A round's cohorts as this node holds them: who is in which, what was said, what could be opened. */
import { isCoveyError } from '../../src/base/errors.ts'
import { verifyNodeRecord } from '../../src/ledger/abi/binding.ts'
import { type Cohort, type CohortMember, createCohort, dealCohorts } from '../../src/privacy/masked/cohort.ts'
import type { Survivors } from '../../src/privacy/masked/masked-delta.ts'
import type { MemberState } from '../../src/privacy/masked/member.ts'
import type { Openings } from '../../src/privacy/masked/open.ts'
import { emptyTranscript, type Transcript } from '../../src/privacy/masked/transcript.ts'
import { publicKeyOf, verifyPeerSignature } from '../../src/transport/peer-key.ts'
import type { Address, Ledger, ProposerSeat, RoundView } from '../../src/types/ledger.ts'
import type { MaskedPrivacy, TaskSpec } from '../../src/types/spec.ts'
import { specDigest } from '../../src/wire/spec.ts'

export interface CohortSession {
  readonly index: number
  /** member -> seat of the round */
  readonly seats: readonly number[]
  readonly cohort: Cohort
  /** this node's place in it; null: it is not a member */
  readonly me: number | null
  /** null for those who only listen */
  member: MemberState | null
  /** of those who only listen */
  heard: Transcript
  /** undefined: not known yet; null: no agreement has enough members */
  survivors: Survivors | null | undefined
  openings: Openings | null
  /** (trained values) of the survivors; null: not opened yet */
  mean: Float32Array | null
  /** members whose masked deltas are here and are what they must be */
  readonly fetched: Set<number>
  /** its sum is one that honest members cannot make */
  spoilt: boolean
}

/** What the round's seats were dealt to. `cohorts` is empty in a round with too few seats to hide anybody. */
export interface RoundSession {
  readonly round: number
  readonly cohorts: readonly CohortSession[]
  /** of its proposers: whose announcements are of interest */
  readonly peers: ReadonlySet<string>
}

export const transcriptOf = (session: CohortSession): Transcript => session.member?.transcript ?? session.heard

export function seatOf(view: RoundView, session: CohortSession, member: number): ProposerSeat {
  return view.proposers[session.seats[member] as number] as ProposerSeat
}

/** The cohort of an account, and its place there. */
export function placeOf(
  { cohorts }: RoundSession,
  view: RoundView,
  account: Address,
): { readonly session: CohortSession; readonly member: number } | null {
  const seat = view.proposers.findIndex((s) => s.account.toLowerCase() === account.toLowerCase())
  for (const session of cohorts) {
    const member = session.seats.indexOf(seat)
    if (member >= 0) return { session, member }
  }
  return null
}

/** @throws CoveyError E_RPC */
export async function openRound(
  ledger: Ledger,
  spec: TaskSpec & { readonly privacy: MaskedPrivacy },
  view: RoundView,
): Promise<RoundSession> {
  const { cohort: size, neighbours } = spec.privacy
  const dealt = dealCohorts(view.proposers.length, size)
  const found = await Promise.all(view.proposers.map(({ account }) => memberOf(ledger, account)))
  const cohorts = dealt.flatMap((seats, index): CohortSession[] => {
    try {
      const cohort = createCohort({
        chainId: ledger.chainId,
        task: view.task,
        specDigest: specDigest(spec),
        round: view.round,
        cohort: index,
        members: seats.map((seat) => (found[seat] as FoundMember).member),
        neighbours: neighbours ?? null,
      })
      const me = cohort.members.findIndex((m) => m.account.toLowerCase() === ledger.account.toLowerCase())
      const heard = emptyTranscript(cohort)
      const blank = {
        member: null,
        survivors: undefined,
        openings: null,
        mean: null,
        spoilt: false,
        fetched: new Set<number>(),
      }
      return [{ index, seats, cohort, me: me < 0 ? null : me, heard, ...blank }]
    } catch (error) {
      // a short-handed round: nobody is hidden in it, so nobody publishes
      if (isCoveyError(error, 'E_COHORT')) return []
      throw error
    }
  })
  return {
    round: view.round,
    cohorts,
    peers: new Set(found.flatMap(({ peerId }) => (peerId === null ? [] : [peerId]))),
  }
}

interface FoundMember {
  readonly member: CohortMember
  readonly peerId: string | null
}

async function memberOf(ledger: Ledger, account: Address): Promise<FoundMember> {
  const record = await ledger.node(account)
  if (record === null || !(await verifyNodeRecord(record, verifyPeerSignature)))
    return { member: { account, publicKey: null }, peerId: null }
  return { member: { account, publicKey: publicKeyOf(record.peerId) }, peerId: record.peerId }
}
