/** After a reorganisation: global adapters that were made of settlements which are now others are made anew. */
import { digestOfJson } from '../../src/base/canonical.ts'
import { isCoveyError } from '../../src/base/errors.ts'
import type { RoundView } from '../../src/types/ledger.ts'
import type { TaskContext } from '../context.ts'
import { factKeys, type LineRecord } from '../keys.ts'

/** What a round's settlement decided about the global adapter; null while it is not settled. */
export function settlementMark({ proposers, settlement }: Pick<RoundView, 'proposers' | 'settlement'>): string | null {
  if (settlement === null) return null
  const seats = proposers.map(({ account, reveal }, i) => [
    account,
    reveal?.digest ?? null,
    settlement.proposers[i]?.outcome ?? null,
  ])
  return digestOfJson({ rolledBack: settlement.rolledBack, seats })
}

/**
 * Goes back to the last round whose settlement stands as it was aggregated; the task loop aggregates from there again.
 * @returns the first round that is to be aggregated anew; null when all stand
 * @throws CoveyError E_RPC
 */
export async function retreat({
  ledger,
  store,
  task,
}: Pick<TaskContext, 'ledger' | 'store' | 'task'>): Promise<number | null> {
  const newest = (await store.facts.get<number>(factKeys.aggregated(task))) ?? 0
  let stands = newest
  for (; stands > 0; stands--) {
    const line = await store.facts.get<LineRecord>(factKeys.line(task, stands))
    // a record of before marks were kept cannot be held against anything
    if (line?.settled === undefined) break
    const mark = await ledger.round(task, stands).then(settlementMark, (error: unknown) => {
      // the draw itself is gone
      if (isCoveyError(error, 'E_REVERT')) return null
      throw error
    })
    if (mark === line.settled) break
  }
  if (stands === newest) return null
  await store.facts.put(factKeys.aggregated(task), stands)
  return stands + 1
}
