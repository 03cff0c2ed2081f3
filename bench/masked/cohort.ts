/** One cohort in memory, its members as state machines, with a clock held beside each step. */
import { ed25519 } from '@noble/curves/ed25519.js'
import { equalBytes, sha256, utf8 } from '../../src/base/bytes.ts'
import { CoveyError } from '../../src/base/errors.ts'
import { type Cohort, createCohort, holdersOf, sharesNeeded } from '../../src/privacy/masked/cohort.ts'
import { encodeFixed, fixedPoint } from '../../src/privacy/masked/fixed-point.ts'
import { memberSecrets } from '../../src/privacy/masked/keys.ts'
import { addWords } from '../../src/privacy/masked/mask.ts'
import { type Survivors, survivorsOf } from '../../src/privacy/masked/masked-delta.ts'
import { createMember, type MemberEvent, type MemberState, maskDelta, step } from '../../src/privacy/masked/member.ts'
import {
  decodeMessage,
  encodeMessage,
  type MaskedBody,
  type MaskedMessage,
  signedBytes,
} from '../../src/privacy/masked/messages.ts'
import { type Openings, openCohort, unmaskSum } from '../../src/privacy/masked/open.ts'
import { emptyTranscript, receive, type Transcript } from '../../src/privacy/masked/transcript.ts'
import type { MaskingRow } from './row.ts'

/** Values whose sum is checked; times are taken over as many as an adapter has. */
const CHECKED = 64
const RANGE = 1
const BASE = 'cd'.repeat(32)
const NOTHING = new Uint8Array(0)

const secretOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(sha256(utf8.encode(text)), 'hex'))

/** member -> public key of its peer, as far as they were asked for */
const publicKeys: Uint8Array[] = []

export function benchCohort(members: number, neighbours: number | null, round = 1): Cohort {
  return createCohort({
    chainId: 31_337,
    task: 1,
    specDigest: 'ab'.repeat(32),
    round,
    cohort: 0,
    neighbours,
    members: Array.from({ length: members }, (_, i) => ({
      account: `0x${String(i + 1).padStart(40, '0')}`,
      publicKey: publicKeyOf(i),
    })),
  })
}

function publicKeyOf(member: number): Uint8Array {
  publicKeys[member] ??= ed25519.getPublicKey(secretOf(`peer ${member}`))
  return publicKeys[member]
}

/** By the processor's own count of this thread: on a shared machine a clock would measure the others. */
function timed<T>(work: () => T): readonly [result: T, ms: number] {
  const began = process.threadCpuUsage()
  const result = work()
  const { user, system } = process.threadCpuUsage(began)
  return [result, (user + system) / 1000]
}

/** Of what is quick, the least of a few: what else runs beside it only adds. */
function leastOf(work: () => unknown): number {
  return Math.min(...Array.from({ length: 3 }, () => timed(work)[1]))
}

const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1] ?? 0

/** @param values of the adapter @throws CoveyError E_INTERNAL when a sum is not that of the members' values */
export function measureCohort(cohort: Cohort, values: number): Omit<MaskingRow, 'survived'> {
  const n = cohort.members.length
  const fixed = fixedPoint(n, RANGE)
  const run = new Run(cohort)
  run.all({ kind: 'begin' })
  run.deliver()
  // the last of the shares fixes every roster
  run.deliver()
  const codes = cohort.members.map((_, i) =>
    encodeFixed(
      Float32Array.from({ length: CHECKED }, (__, k) => Math.sin(i * CHECKED + k)),
      fixed,
    ),
  )
  const masked = run.states.map((state, i) => maskDelta(state, codes[i] as Uint32Array))
  const adapter = new Float32Array(values).fill(0.01)
  const mask_ms = leastOf(() => maskDelta(run.states[0] as MemberState, encodeFixed(adapter, fixed)))

  const survivorsWithout = (lost: number): Survivors => {
    const published = run.states.slice(lost).map(({ me, roster }) => ({ member: me, baseDigest: BASE, roster }))
    return survivorsOf(cohort, published) as Survivors
  }
  /** What the members' shares would open. */
  const openingsOf = ({ members }: Survivors): Openings =>
    run.states.map(({ me, root }) => {
      const { self, pair } = memberSecrets(root)
      return members.includes(me) ? self : pair
    })
  const sumOf = (survivors: Survivors): number => {
    const [sum, plain] = [new Uint32Array(CHECKED), new Uint32Array(CHECKED)]
    for (const member of survivors.members) {
      addWords(sum, masked[member] as Uint32Array)
      addWords(plain, codes[member] as Uint32Array)
    }
    const openings = openingsOf(survivors)
    unmaskSum(cohort, survivors, run.transcript, openings, sum)
    if (sum.join() !== plain.join())
      throw new CoveyError('E_INTERNAL', `a cohort of ${n} opened another sum than that of its members`)
    const large = new Uint32Array(values)
    return leastOf(() => unmaskSum(cohort, survivors, run.transcript, openings, large))
  }

  const survivors = survivorsWithout(0)
  // with everybody's shares dealt to everybody, as many as are needed open all
  const opening = cohort.neighbours === null ? survivors.members.slice(0, cohort.threshold) : survivors.members
  const unmask_ms = median(opening.map((member) => run.tell(member, { kind: 'revealed', survivors })))
  run.hear()
  const secrets = openingsOf(survivors)
  if (
    openCohort(cohort, survivors, run.transcript).some(
      (found, i) => !equalBytes(found ?? NOTHING, secrets[i] ?? NOTHING),
    )
  )
    throw new CoveyError('E_INTERNAL', `a cohort of ${n} opened other secrets than its members'`)
  const open_ms = leastOf(() => openCohort(cohort, survivors, run.transcript))
  const most = mostInARow(cohort)
  const { bytes } = run
  return {
    members: n,
    neighbours: cohort.neighbours,
    threshold: cohort.threshold,
    bytes,
    taken: { messages: 3 * (n - 1), bytes: (n - 1) * (bytes.keys + bytes.shares + bytes.unmask) },
    deal_ms: median(run.deal_ms),
    mask_ms,
    unmask_ms,
    open_ms,
    sum_ms: sumOf(survivors),
    sumOfFewest_ms: sumOf(survivorsWithout(most)),
    most,
  }
}

/** How many of the first members can be lost and the rest still be summed. */
function mostInARow(cohort: Cohort): number {
  let most = 0
  while (completes(cohort, (member) => member <= most)) most++
  return most
}

/**
 * Whether a cohort ends with a sum, when those fall silent after their shares: enough members are left, and of everybody's shares enough.
 * The same as running the protocol (test/bench/masked.test.ts), and much quicker.
 */
export function completes(cohort: Cohort, isLost: (member: number) => boolean): boolean {
  const left = cohort.members.flatMap((_, member) => (isLost(member) ? [] : [member]))
  if (left.length < cohort.threshold) return false
  return cohort.members.every(
    (_, member) => holdersOf(cohort, member).filter((holder) => !isLost(holder)).length >= sharesNeeded(cohort, member),
  )
}

/** All members on one bus; a message is signed when it is said and checked when it is heard. */
class Run {
  readonly cohort: Cohort
  readonly states: MemberState[]
  /** the largest of each kind */
  readonly bytes = { keys: 0, shares: 0, unmask: 0 }
  /** by member */
  readonly deal_ms: number[] = []
  transcript: Transcript
  #said: MaskedMessage[] = []

  constructor(cohort: Cohort) {
    this.cohort = cohort
    this.states = cohort.members.map((_, i) => createMember(cohort, i, secretOf(`root ${i}`)))
    this.transcript = emptyTranscript(cohort)
  }

  all(event: MemberEvent): void {
    for (let member = 0; member < this.states.length; member++) this.tell(member, event)
  }

  /** @returns ms that the member took */
  tell(member: number, event: MemberEvent): number {
    const [{ state, out }, ms] = timed(() => step(this.states[member] as MemberState, event))
    this.states[member] = state
    for (const body of out) {
      const message = this.#sign(body)
      this.#said.push(message)
      if (body.kind === 'shares') this.deal_ms[member] = ms
      this.bytes[body.kind] = Math.max(this.bytes[body.kind], message.bytes.byteLength)
      this.tell(member, { kind: 'message', message })
    }
    return ms
  }

  /** The others hear what was said; what they answer waits. */
  deliver(): void {
    for (const message of this.hear()) {
      for (let to = 0; to < this.states.length; to++)
        if (to !== message.body.from) this.tell(to, { kind: 'message', message })
    }
  }

  /** A stranger hears what was said, and nobody else. */
  hear(): readonly MaskedMessage[] {
    const said = this.#said
    this.#said = []
    for (const message of said) this.transcript = receive(this.transcript, message)
    return said
  }

  #sign(body: MaskedBody): MaskedMessage {
    const signature = ed25519.sign(signedBytes(body), secretOf(`peer ${body.from}`))
    return decodeMessage(encodeMessage(body, signature), this.cohort)
  }
}
