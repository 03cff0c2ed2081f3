/** A cohort in memory: members as state machines on a bus that a test may cut, with keys that follow from a seed. */
import { ed25519 } from '@noble/curves/ed25519.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8 } from '../../src/base/bytes.ts'
import { type Cohort, type CohortIdentity, createCohort } from '../../src/privacy/masked/cohort.ts'
import { encodeFixed, type FixedPoint, fixedPoint } from '../../src/privacy/masked/fixed-point.ts'
import { addWords } from '../../src/privacy/masked/mask.ts'
import type { MaskedDelta, Survivors } from '../../src/privacy/masked/masked-delta.ts'
import { survivorsOf } from '../../src/privacy/masked/masked-delta.ts'
import { createMember, type MemberEvent, type MemberState, maskDelta, step } from '../../src/privacy/masked/member.ts'
import {
  decodeMessage,
  encodeMessage,
  type MaskedBody,
  type MaskedMessage,
  signedBytes,
} from '../../src/privacy/masked/messages.ts'
import { openCohort, unmaskSum } from '../../src/privacy/masked/open.ts'
import { emptyTranscript, receive, type Transcript } from '../../src/privacy/masked/transcript.ts'

export const secretOf = (text: string): Uint8Array => sha256(utf8.encode(text))
export const peerSecret = (i: number): Uint8Array => secretOf(`peer ${i}`)

export function identity(n: number, change: Partial<CohortIdentity> = {}): CohortIdentity {
  return {
    chainId: 31_337,
    task: 1,
    specDigest: 'ab'.repeat(32),
    round: 1,
    cohort: 0,
    neighbours: null,
    members: Array.from({ length: n }, (_, i) => ({
      account: `0x${String(i + 1).padStart(40, '0')}`,
      publicKey: ed25519.getPublicKey(peerSecret(i)),
    })),
    ...change,
  }
}

export const BASE = 'cd'.repeat(32)

export function signMessage(cohort: Cohort, body: MaskedBody, secret = peerSecret(body.from)): MaskedMessage {
  return decodeMessage(encodeMessage(body, ed25519.sign(signedBytes(body), secret)), cohort)
}

/** When a member falls silent: before its keys, its shares, its masked delta, or its part of the unmasking. */
export type Drop = 'keys' | 'shares' | 'delta' | 'unmask'

export interface CohortRun {
  readonly cohort: Cohort
  readonly fixed: FixedPoint
  readonly states: readonly MemberState[]
  readonly published: readonly MaskedDelta[]
  readonly survivors: Survivors | null
  /** as a stranger sees it who heard everything */
  readonly transcript: Transcript
  /** @throws CoveyError E_COHORT */
  open(): Uint32Array
}

export interface RunOptions {
  readonly drops?: ReadonlyMap<number, Drop>
  /** true: this message never comes to that member */
  readonly lost?: (body: MaskedBody, to: number) => boolean
  /** what a member says instead */
  readonly tamper?: (body: MaskedBody, cohort: Cohort) => readonly MaskedBody[]
  readonly roots?: (i: number) => Uint8Array
}

const ORDER: readonly Drop[] = ['keys', 'shares', 'delta', 'unmask']

/** One round of a cohort in which member i has the values `deltas[i]`. */
export function runCohort(cohort: Cohort, deltas: readonly Float32Array[], options: RunOptions = {}): CohortRun {
  const fixed = fixedPoint(cohort.members.length, 1)
  const root = options.roots ?? ((i: number) => secretOf(`root ${i}`))
  const states = cohort.members.map((_, i) => createMember(cohort, i, root(i)))
  let transcript = emptyTranscript(cohort)
  const says = (i: number, what: Drop): boolean => {
    const drop = options.drops?.get(i)
    return drop === undefined || ORDER.indexOf(what) < ORDER.indexOf(drop)
  }
  const kindOf = { keys: 'keys', shares: 'shares', unmask: 'unmask' } as const
  const queue: MaskedMessage[] = []
  const tell = (i: number, event: MemberEvent): void => {
    const { state, out } = step(states[i] as MemberState, event)
    states[i] = state
    for (const body of out) {
      if (!says(i, kindOf[body.kind])) continue
      const bodies = options.tamper?.(body, cohort) ?? [body]
      const messages = bodies.map((b) => signMessage(cohort, b))
      const [first] = messages
      if (first !== undefined) tell(i, { kind: 'message', message: first })
      queue.push(...messages)
    }
  }
  const flush = (): void => {
    for (let m = queue.shift(); m !== undefined; m = queue.shift()) {
      transcript = receive(transcript, m)
      for (let to = 0; to < states.length; to++) {
        if (to !== m.body.from && !options.lost?.(m.body, to)) tell(to, { kind: 'message', message: m })
      }
    }
  }
  const all = (event: MemberEvent): void => {
    states.forEach((_, i) => {
      tell(i, event)
    })
    flush()
  }
  all({ kind: 'begin' })
  all({ kind: 'close', of: 'keys' })
  all({ kind: 'close', of: 'shares' })
  const published = states.flatMap((state, i): MaskedDelta[] => {
    if (state.roster === null || !says(i, 'delta')) return []
    const words = maskDelta(state, encodeFixed(deltas[i] as Float32Array, fixed))
    return [{ from: i, roster: state.roster, words }]
  })
  const survivors = survivorsOf(
    cohort,
    published.map(({ from, roster }) => ({ member: from, baseDigest: BASE, roster })),
  )
  if (survivors !== null) all({ kind: 'revealed', survivors })
  return {
    cohort,
    fixed,
    states,
    published,
    survivors,
    get transcript() {
      return transcript
    },
    open() {
      if (survivors === null) throw new Error('nobody survives')
      const openings = openCohort(cohort, survivors, transcript)
      const sum = new Uint32Array(deltas[0]?.length ?? 0)
      for (const m of survivors.members) addWords(sum, (published.find((p) => p.from === m) as MaskedDelta).words)
      unmaskSum(cohort, survivors, transcript, openings, sum)
      return sum
    },
  }
}

/** What the sum must be, to the bit. */
export function plainSum(run: CohortRun, deltas: readonly Float32Array[]): Uint32Array {
  const sum = new Uint32Array(deltas[0]?.length ?? 0)
  for (const m of run.survivors?.members ?? []) {
    const codes = encodeFixed(deltas[m] as Float32Array, run.fixed)
    for (let i = 0; i < sum.length; i++) sum[i]! += codes[i] as number
  }
  return sum
}

export const cohortOf = (n: number, change: Partial<CohortIdentity> = {}): Cohort => createCohort(identity(n, change))
