/**
 * What is known of a cohort's messages: each member's first of each kind, and those that others' lists name by digest. A member that signs two
 * different ones of a kind has two faces; who has seen both leaves it out as long as that is possible.
 */
import { bytesToHex } from '../../base/bytes.ts'
import type { Cohort } from './cohort.ts'
import type { KeysBody, MaskedMessage, SharesBody, UnmaskBody } from './messages.ts'

/** Second messages of a kind that are kept, a member: enough for the one that the others saw first. */
const MAX_FACES = 3

export interface Transcript {
  readonly keys: readonly (MaskedMessage<KeysBody> | null)[]
  readonly shares: readonly (MaskedMessage<SharesBody> | null)[]
  readonly unmasks: readonly (MaskedMessage<UnmaskBody> | null)[]
  /** by digest, the first ones included */
  readonly all: ReadonlyMap<string, MaskedMessage>
  /** members that signed two different messages of one kind */
  readonly twoFaced: readonly number[]
}

export function emptyTranscript({ members }: Pick<Cohort, 'members'>): Transcript {
  const none = (): null[] => members.map(() => null)
  return { keys: none(), shares: none(), unmasks: none(), all: new Map(), twoFaced: [] }
}

const LISTS = { keys: 'keys', shares: 'shares', unmask: 'unmasks' } as const

/** @param message that `decodeMessage` accepted */
export function receive(transcript: Transcript, message: MaskedMessage): Transcript {
  const { kind, from } = message.body
  if (transcript.all.has(message.digest)) return transcript
  const list = LISTS[kind]
  const faces = [...transcript.all.values()].filter((m) => m.body.from === from && m.body.kind === kind).length
  if (faces >= MAX_FACES) return transcript
  const all = new Map(transcript.all).set(message.digest, message)
  if (transcript[list][from] !== null) {
    const twoFaced = transcript.twoFaced.includes(from) ? transcript.twoFaced : [...transcript.twoFaced, from]
    return { ...transcript, all, twoFaced }
  }
  const next = transcript[list].map((m, i) => (i === from ? message : m))
  return { ...transcript, all, [list]: next }
}

/** One that the survivors' roster names: it counts whatever else its member signed, so it is kept beside the faces that came first. */
export function receiveNamed(transcript: Transcript, message: MaskedMessage): Transcript {
  return { ...transcript, all: new Map(transcript.all).set(message.digest, message) }
}

/** One that a roster names. */
export function sharesMessage(
  transcript: Transcript,
  member: number,
  digest: string,
): MaskedMessage<SharesBody> | null {
  const message = transcript.all.get(digest)
  return message?.body.kind === 'shares' && message.body.from === member ? (message as MaskedMessage<SharesBody>) : null
}

/** The keys that a list of digests names, or null where they are not here. */
export function keysNamed(
  transcript: Pick<Transcript, 'all'>,
  list: SharesBody['keys'],
): readonly (MaskedMessage<KeysBody> | null)[] {
  return list.map((raw, member) => {
    const message = raw === null ? undefined : transcript.all.get(bytesToHex(raw))
    return message?.body.kind === 'keys' && message.body.from === member ? (message as MaskedMessage<KeysBody>) : null
  })
}
