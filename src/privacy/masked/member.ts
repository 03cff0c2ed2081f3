/**
 * One member's part in its cohort as a state machine without time, chance or input: events in, bodies to sign and publish out. Bonawitz et al. 2017
 * (https://eprint.iacr.org/2017/281), with the chain in place of their server; docs/masked.md has the rounds.
 *
 *     begin ─► keys          out
 *     all keys, or close ─► shares   out; the keys that it saw are fixed
 *     all shares, or close ─► roster  fixed: `maskDelta` may be called
 *     revealed ─► unmask      out, once
 */
import { bytesToHex } from '../../base/bytes.ts'
import { CoveyError } from '../../base/errors.ts'
import { type Cohort, holdersOf, sharesNeeded } from './cohort.ts'
import { memberSecrets, openBox, pairSeed, sealBox, selfSeed } from './keys.ts'
import { addMask, signOf } from './mask.ts'
import type { Roster, Survivors } from './masked-delta.ts'
import type { KeysBody, MaskedBody, MaskedMessage, SharesBody, UnmaskBody } from './messages.ts'
import { deal, isShare } from './shares.ts'
import { emptyTranscript, keysNamed, receive, receiveNamed, sharesMessage, type Transcript } from './transcript.ts'

export interface MemberState {
  readonly cohort: Cohort
  readonly me: number
  /** 32 random bytes of this round */
  readonly root: Uint8Array
  readonly transcript: Transcript
  /** nothing more is waited for */
  readonly closed: { readonly keys: boolean; readonly shares: boolean }
  /** with whom it masks; null: not fixed yet */
  readonly roster: Roster | null
  /** why it cannot take part in this round any more */
  readonly failure: string | null
}

export type MemberEvent =
  | { readonly kind: 'begin' }
  /** one that `decodeMessage` accepted; own ones come back this way, also after a restart */
  | { readonly kind: 'message'; readonly message: MaskedMessage }
  /** one that the survivors' roster names, and `decodeNamed` accepted */
  | { readonly kind: 'named'; readonly message: MaskedMessage }
  | { readonly kind: 'close'; readonly of: 'keys' | 'shares' }
  | { readonly kind: 'revealed'; readonly survivors: Survivors }

export interface MemberStep {
  readonly state: MemberState
  /** to be signed, written down and published, in this order */
  readonly out: readonly MaskedBody[]
}

export function createMember(cohort: Cohort, me: number, root: Uint8Array): MemberState {
  const closed = { keys: false, shares: false }
  return { cohort, me, root, transcript: emptyTranscript(cohort), closed, roster: null, failure: null }
}

/** Never throws for what a stranger sent: that has gone through `decodeMessage`. Given the same event again it says the same again, or nothing. */
export function step(state: MemberState, event: MemberEvent): MemberStep {
  switch (event.kind) {
    case 'begin':
      return go(state)
    case 'message':
      return go({ ...state, transcript: receive(state.transcript, event.message) })
    case 'named':
      return { state: { ...state, transcript: receiveNamed(state.transcript, event.message) }, out: [] }
    case 'close':
      return go({ ...state, closed: { ...state.closed, [event.of]: true } })
    case 'revealed':
      return unmask(state, event.survivors)
  }
}

/** As far as it goes with what is here. */
function go(state: MemberState): MemberStep {
  const { cohort, me, transcript, closed, roster, failure } = state
  if (failure !== null || roster !== null) return { state, out: [] }
  const { keys, shares } = transcript
  if (keys[me] === null) return { state, out: [ownKeys(state)] }
  const own = shares[me]
  if (own === null || own === undefined) {
    const all = cohort.members.every(({ publicKey }, i) => publicKey === null || keys[i] !== null)
    if (!all && !closed.keys) return { state, out: [] }
    const found = keys.filter((k, i) => k !== null && !transcript.twoFaced.includes(i)).length
    if (found < cohort.threshold) return failed(state, `keys of ${found} members came, ${cohort.threshold} are needed`)
    return guarded(state, () => [ownShares(state)])
  }
  const seen = own.body.keys
  const fits = fitting(transcript, own.body)
  if (!seen.every((k, i) => k === null || fits[i] !== null) && !closed.shares) return { state, out: [] }
  const count = fits.filter((f) => f !== null).length
  const near = holdersOf(cohort, me).filter((i) => fits[i] !== null).length
  if (count < cohort.threshold || near < sharesNeeded(cohort, me))
    return failed(state, `shares of ${count} members fit, ${cohort.threshold} are needed`)
  return { state: { ...state, roster: fits }, out: [] }
}

/** Those who saw the same keys as this member, and can be unmasked with what they dealt. */
function fitting({ shares, twoFaced }: Transcript, { keys, from }: SharesBody): Roster {
  return shares.map((m, i) => {
    if (m === null || (i !== from && twoFaced.includes(i))) return null
    return sameKeys(m.body.keys, keys) ? { digest: m.digest, size: m.bytes.byteLength } : null
  })
}

export function sameKeys(a: SharesBody['keys'], b: SharesBody['keys']): boolean {
  const text = (list: SharesBody['keys']): string => list.map((k) => (k === null ? '-' : bytesToHex(k))).join()
  return text(a) === text(b)
}

function ownKeys({ cohort, me, root }: MemberState): KeysBody {
  const { sealPublic, pairPublic } = memberSecrets(root)
  return { kind: 'keys', ...head(cohort, me), seal: sealPublic, pair: pairPublic }
}

function ownShares({ cohort, me, root, transcript }: MemberState): SharesBody {
  const secrets = memberSecrets(root)
  const usable = transcript.keys.map((m, i) => (i !== me && transcript.twoFaced.includes(i) ? null : m))
  const holders = holdersOf(cohort, me).filter((i) => usable[i] !== null)
  const needed = sharesNeeded(cohort, me)
  const self = deal(secrets.self, needed, holders, root, 'self')
  const pair = deal(secrets.pair, needed, holders, root, 'pair')
  const boxes = cohort.members.map((_, to) => {
    const theirs = usable[to]
    if (to === me || !theirs || !holders.includes(to)) return null
    const [a, b] = [self.shares.get(to), pair.shares.get(to)] as [Uint8Array, Uint8Array]
    return sealBox(secrets.seal, theirs.body.seal, { cohort: cohort.digest, from: me, to }, a, b)
  })
  return {
    kind: 'shares',
    ...head(cohort, me),
    keys: usable.map((m) => (m === null ? null : bytes(m.digest))),
    self: self.commitments,
    pair: pair.commitments,
    boxes,
  }
}

/**
 * codes + own mask + Σ ± pairwise masks, modulo 2³²: what is published. Once a round only: two deltas under the same masks show their difference.
 * @param codes of `encodeFixed`
 * @throws CoveyError E_COHORT before the roster is fixed, or when it cannot be
 */
export function maskDelta(state: MemberState, codes: Uint32Array): Uint32Array {
  const { cohort, me, root, transcript, roster, failure } = state
  if (roster === null)
    throw new CoveyError('E_COHORT', failure ?? 'the roster of this cohort is not fixed yet', { member: me })
  const { self, pair } = memberSecrets(root)
  const named = keysNamed(transcript, transcript.shares[me]?.body.keys ?? [])
  const words = codes.slice()
  addMask(words, selfSeed(self, cohort.digest), 1)
  for (const other of cohort.graph[me] as readonly number[]) {
    if (roster[other] === null) continue
    const theirs = named[other]
    if (!theirs) throw new CoveyError('E_COHORT', `keys of member ${other} are not here any more`, { member: other })
    addMask(words, pairSeed(pair, theirs.body.pair, cohort.digest), signOf(me, other))
  }
  return words
}

/** Of survivors the self mask's share, of the others on the roster the pairwise key's: of nobody both, whoever asks. */
function unmask(state: MemberState, survivors: Survivors): MemberStep {
  const { cohort, me, root, transcript } = state
  if (transcript.unmasks[me] !== null) return { state, out: [] }
  if (survivors.members.length < cohort.threshold)
    return failed(state, `${survivors.members.length} masked deltas agree, ${cohort.threshold} are needed`)
  const { self, pair, seal } = memberSecrets(root)
  const shareOf = (dealer: number): Uint8Array | null => {
    const entry = survivors.roster[dealer]
    if (!entry || !holdersOf(cohort, dealer).includes(me)) return null
    const message = sharesMessage(transcript, dealer, entry.digest)
    if (message === null) return null
    const of = survivors.members.includes(dealer) ? 'self' : 'pair'
    if (dealer === me) {
      const holders = holdersOf(cohort, me).filter((i) => message.body.keys[i] !== null)
      return deal(of === 'self' ? self : pair, sharesNeeded(cohort, me), holders, root, of).shares.get(me) ?? null
    }
    const box = message.body.boxes[me]
    const dealt = keysNamed(transcript, message.body.keys)[dealer]
    if (!box || !dealt) return null
    const shares = openBox(seal, dealt.body.seal, { cohort: cohort.digest, from: dealer, to: me }, box)
    const share = shares?.[of]
    // a dealer that cheated this holder: nothing to give, the others' shares may do
    return share && isShare({ holder: me, share }, message.body[of]) ? share : null
  }
  const body: UnmaskBody = {
    kind: 'unmask',
    ...head(cohort, me),
    agreement: bytes(survivors.agreement),
    survivors: survivors.members,
    shares: cohort.members.map((_, dealer) => shareOf(dealer)),
  }
  return { state, out: body.shares.every((s) => s === null) ? [] : [body] }
}

const head = (cohort: Cohort, me: number) => ({ cohort: bytes(cohort.digest), from: me })
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))

function failed(state: MemberState, why: string): MemberStep {
  return { state: { ...state, failure: why }, out: [] }
}

function guarded(state: MemberState, make: () => MaskedBody[]): MemberStep {
  try {
    return { state, out: make() }
  } catch (error) {
    if (error instanceof CoveyError && error.code === 'E_COHORT') return failed(state, error.message)
    throw error
  }
}
