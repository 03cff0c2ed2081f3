/** What an arena's participant has bound itself to: in the journal before a commitment leaves, so that it can always reveal. */
import { randomBytes } from 'node:crypto'
import { adapterCommitment } from '../../src/ledger/abi/arena-commitment.ts'
import type { AdapterReveal, ArenaEntry } from '../../src/types/arena.ts'
import type { Hex } from '../../src/types/ledger.ts'
import type { Store } from '../../src/types/store.ts'

const pad = (n: number): string => String(n).padStart(8, '0')
const adapters = (arena: number, epoch: number): string => `arena-adapter/${pad(arena)}/${pad(epoch)}/`
const scores = (arena: number, epoch: number): string => `arena-scores/${pad(arena)}/${pad(epoch)}`
const newSalt = (): Hex => `0x${randomBytes(32).toString('hex')}`

export interface ScoresRecord {
  /** one per entry, then the champion's */
  readonly scores: readonly number[]
  readonly salt: Hex
}

/** The salt under which this adapter is committed in this epoch: the same however often it is asked for. */
export function adapterRecord(
  { journal }: Pick<Store, 'journal'>,
  arena: number,
  epoch: number,
  { digest, size }: { readonly digest: string; readonly size: number },
): Promise<AdapterReveal> {
  return journal.once(`${adapters(arena, epoch)}${digest}`, () => ({ digest, size, salt: newSalt() }))
}

/** What stands behind a commitment on chain; undefined when it was made from another data directory. */
export async function recordOf(
  { journal }: Pick<Store, 'journal'>,
  arena: number,
  epoch: number,
  { account, commitment }: Pick<ArenaEntry, 'account' | 'commitment'>,
): Promise<AdapterReveal | undefined> {
  for await (const [, record] of journal.list<AdapterReveal>(adapters(arena, epoch)))
    if (adapterCommitment(arena, epoch, account, record) === commitment) return record
  return undefined
}

export function scoresOf(
  store: Pick<Store, 'journal'>,
  arena: number,
  epoch: number,
): Promise<ScoresRecord | undefined> {
  return store.journal.get<ScoresRecord>(scores(arena, epoch))
}

/** The scores on record: `measured` unless there were some already. */
export function scoresRecord(
  { journal }: Pick<Store, 'journal'>,
  arena: number,
  epoch: number,
  measured: readonly number[],
): Promise<ScoresRecord> {
  return journal.once(scores(arena, epoch), () => ({ scores: measured, salt: newSalt() }))
}
