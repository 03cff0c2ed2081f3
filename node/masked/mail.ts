/** How a cohort's messages travel: announced by gossip, pulled by digest, on disk before they count; a node's own are on disk before they leave. */
import { bytesToHex } from '../../src/base/bytes.ts'
import { CoveyError, isCoveyError } from '../../src/base/errors.ts'
import { createMember, type MemberEvent, step } from '../../src/privacy/masked/member.ts'
import {
  cohortNamedIn,
  decodeMessage,
  decodeNamed,
  encodeMessage,
  MAX_MESSAGE_BYTES,
  type MaskedBody,
  type MaskedMessage,
  signedBytes,
} from '../../src/privacy/masked/messages.ts'
import { receive, receiveNamed } from '../../src/privacy/masked/transcript.ts'
import type { TaskContext } from '../context.ts'
import { ensureBlob } from '../duties/blobs.ts'
import { type BlobRecord, factKeys, journalKeys } from '../keys.ts'
import { type CohortSession, type RoundSession, transcriptOf } from './cohorts.ts'

/** Messages of one peer in one round: three kinds, and as many second faces. */
const MAX_NOTICES = 6
/** Peers that are listened to before it is known who the members are. */
const MAX_PEERS = 256
/** One message is a few KiB: who takes longer is no better than the next, ms. */
const PULL_MS = 3_000
/** A message that nobody served is asked for so often; it is announced again and again. */
const MAX_ATTEMPTS = 5

interface Notice extends BlobRecord {
  attempts: number
  done: boolean
}

/** What was announced of one round's messages. Hearsay, so a peer gets a little room and no more. */
export class Notices {
  readonly #said = new Map<string, Notice[]>()

  /** @returns whether it is new */
  add(from: string, { digest, size }: BlobRecord): boolean {
    if (size > MAX_MESSAGE_BYTES) return false
    const said = this.#said.get(from) ?? []
    const known = said.find((notice) => notice.digest === digest)
    // whoever says it again may have it again
    if (known !== undefined) known.attempts = 0
    if (known !== undefined || said.length >= MAX_NOTICES) return false
    if (said.length === 0 && this.#said.size >= MAX_PEERS) return false
    this.#said.set(from, [...said, { digest, size, attempts: 0, done: false }])
    return true
  }

  /** Of these peers; a member announces only what it said itself. */
  wanted(peers: ReadonlySet<string>): readonly Notice[] {
    for (const from of this.#said.keys()) if (!peers.has(from)) this.#said.delete(from)
    return [...this.#said.values()].flat().filter(({ done, attempts }) => !done && attempts < MAX_ATTEMPTS)
  }
}

/** Pulls what was announced, all at once, and gives the right ones to their cohorts. */
export async function fetchMail(
  ctx: TaskContext,
  round: RoundSession,
  notices: Notices,
  signal: AbortSignal,
): Promise<void> {
  const wanted = notices.wanted(round.peers)
  const here = await Promise.all(wanted.map((blob) => pullMessage(ctx, round.round, blob, signal)))
  for (const [i, notice] of wanted.entries()) {
    const { digest, size } = notice
    notice.attempts++
    if (!here[i]) continue
    notice.done = true
    try {
      await take(ctx, round, await ctx.store.blobs.get(digest, MAX_MESSAGE_BYTES))
      await ctx.store.facts.put(factKeys.cohortMessage(ctx.task, round.round, digest), size)
    } catch (error) {
      // whoever announced it is at fault; nobody waits for it
      if (!isCoveyError(error, 'E_WIRE')) throw error
      ctx.emit({ event: 'problem', code: error.code, message: error.message, doing: 'cohort' })
    }
  }
}

/** @returns false when nobody served it in time */
async function pullMessage(ctx: TaskContext, round: number, blob: BlobRecord, signal: AbortSignal): Promise<boolean> {
  const wanted = { ...blob, maxBytes: MAX_MESSAGE_BYTES, of: 'cohort', round, account: null } as const
  try {
    await ensureBlob(ctx, wanted, signal, PULL_MS)
    return true
  } catch (error) {
    if (signal.aborted || !isCoveyError(error, 'E_BLOB_UNAVAILABLE')) throw error
    return false
  }
}

/**
 * Gets what the survivors' roster names and this node never heard: shares by digest and size, then the keys that those name.
 * @throws CoveyError E_BLOB_UNAVAILABLE | E_WIRE
 */
export async function fetchRoster(ctx: TaskContext, session: CohortSession, signal: AbortSignal): Promise<void> {
  const { survivors, cohort } = session
  if (!survivors) return
  const get = async (digest: string, size: number): Promise<MaskedMessage> => {
    const known = transcriptOf(session).all.get(digest)
    if (known !== undefined) return known
    const blob = {
      digest,
      size,
      maxBytes: MAX_MESSAGE_BYTES,
      of: 'cohort',
      round: cohort.round,
      account: null,
    } as const
    await ensureBlob(ctx, blob, signal, PULL_MS)
    const message = decodeNamed(await ctx.store.blobs.get(digest, MAX_MESSAGE_BYTES), cohort)
    await tell(ctx, session, { kind: 'named', message })
    return message
  }
  for (const [member, entry] of survivors.roster.entries()) {
    if (entry === null) continue
    const { body } = await get(entry.digest, entry.size)
    const keys = body.kind === 'shares' ? body.keys[member] : null
    if (keys) await get(bytesToHex(keys), keysBytes(member))
  }
}

/** Every keys message of a member has this size, bytes. */
function keysBytes(member: number): number {
  const empty = new Uint8Array(32)
  const body: MaskedBody = { kind: 'keys', cohort: empty, from: member, seal: empty, pair: empty }
  return encodeMessage(body, new Uint8Array(64)).byteLength
}

/** What was taken in an earlier life, this node's own included. */
export async function restoreMail(ctx: TaskContext, round: RoundSession): Promise<void> {
  const prefix = factKeys.cohortMessages(ctx.task, round.round)
  for await (const [key] of ctx.store.facts.list<number>(prefix)) {
    const digest = key.slice(prefix.length)
    if (!(await ctx.store.blobs.has(digest))) continue
    try {
      await take(ctx, round, await ctx.store.blobs.get(digest, MAX_MESSAGE_BYTES))
    } catch (error) {
      // its member has bound another peer key since: if a roster names it, it comes back by that
      if (!isCoveyError(error, 'E_WIRE')) throw error
    }
  }
}

/** @throws CoveyError E_WIRE */
async function take(ctx: TaskContext, round: RoundSession, bytes: Uint8Array): Promise<void> {
  const named = cohortNamedIn(bytes)
  const session = round.cohorts.find(({ cohort }) => cohort.digest === named)
  if (session === undefined) throw new CoveyError('E_WIRE', 'masked message: it is of no cohort of this round')
  await tell(ctx, session, { kind: 'message', message: decodeMessage(bytes, session.cohort) })
}

/** This node's secrets of the round, drawn at the first question and on disk before the answer; null when they were erased. */
export async function joinCohort(ctx: TaskContext, session: CohortSession): Promise<void> {
  const { cohort, me } = session
  if (me === null || session.member !== null) return
  const key = factKeys.maskRoot(ctx.task, cohort.round)
  let root = await ctx.store.facts.get<string>(key)
  if (root === undefined) {
    // what was said under secrets that are gone cannot be said again, and nothing else may be
    if ((await ctx.store.journal.get(journalKeys.said(ctx.task, cohort.round, 'keys'))) !== undefined) return
    root = bytesToHex(ctx.randomBytes(32))
    await ctx.store.facts.put(key, root)
  }
  let member = createMember(cohort, me, Uint8Array.from(Buffer.from(root, 'hex')))
  for (const message of session.heard.all.values())
    member = { ...member, transcript: receive(member.transcript, message) }
  session.member = member
}

/** Gives an event to the cohort, and publishes what this node has to say to it. */
export async function tell(ctx: TaskContext, session: CohortSession, event: MemberEvent): Promise<void> {
  if (session.member === null) {
    if (event.kind === 'message') session.heard = receive(session.heard, event.message)
    if (event.kind === 'named') session.heard = receiveNamed(session.heard, event.message)
    return
  }
  const { state, out } = step(session.member, event)
  session.member = state
  for (const body of out) await say(ctx, session, body)
}

async function say(ctx: TaskContext, session: CohortSession, body: MaskedBody): Promise<void> {
  const { store, task } = ctx
  const { round } = session.cohort
  const key = journalKeys.said(task, round, body.kind)
  // one that was said in an earlier life stands, whatever would be said now: nothing else is even written
  const said = (await store.journal.get<BlobRecord>(key)) ?? (await writeDown(ctx, key, body))
  const message = decodeMessage(await store.blobs.get(said.digest, MAX_MESSAGE_BYTES), session.cohort)
  await store.facts.put(factKeys.cohortMessage(task, round, said.digest), said.size)
  await tell(ctx, session, { kind: 'message', message })
  await announceSaid(ctx, round, said)
}

async function writeDown({ store, transport }: TaskContext, key: string, body: MaskedBody): Promise<BlobRecord> {
  const bytes = encodeMessage(body, await transport.sign(signedBytes(body)))
  const digest = await store.blobs.put(bytes)
  return store.journal.once<BlobRecord>(key, () => ({ digest, size: bytes.byteLength }))
}

async function announceSaid(ctx: TaskContext, round: number, { digest, size }: BlobRecord): Promise<void> {
  // nobody may be there yet: it is repeated
  await ctx.announce({ of: 'cohort', task: ctx.task, round, digest, size }).catch(() => undefined)
}

/** Tells again what this node has said in the round: gossip forgets, and others come late. */
export async function repeatMail(
  ctx: TaskContext,
  session: CohortSession,
  kinds: readonly MaskedBody['kind'][],
): Promise<void> {
  for (const kind of kinds) {
    const said = await ctx.store.journal.get<BlobRecord>(journalKeys.said(ctx.task, session.cohort.round, kind))
    if (said !== undefined) await announceSaid(ctx, session.cohort.round, said)
  }
}
