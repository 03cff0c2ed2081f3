/**
 * Which deltas a round is better without, as a voter finds it. One at a time, and the others measured again after each: two nodes with
 * like data overshoot together, and beside a liar honest deltas look harmful, or another liar's useful; with the worst one gone, the
 * others show what they are. (Backward elimination, as in choosing variables: Efroymson 1960.)
 *
 * One at a time it cannot see two liars that undo each other: without either one the other is worse. Each of them harms alone, though, so
 * where there was harm the search is begun a second time, without those who do. Nor can it see liars who each harm a little and together
 * turn the step round: whoever has no good rounds behind it and harms at all, beside the others and alone, is tested together with the rest
 * of that kind.
 */

/** Times that everybody is looked at. What a later look would still find is left to the next round: a voter's time has an end. */
const MAX_LOOKS = 4

/**
 * Marginals and the bar are scores, whole numbers of the chain: the last digits of a loss, in which machines differ, seldom decide.
 */
export interface Search {
  /** deltas that may go */
  readonly among: readonly number[]
  /** of delta i, with nothing in the place of the others that are gone */
  readonly marginal: (i: number, gone: ReadonlySet<number>) => Promise<number>
  /** of delta i, with nothing in the place of all others */
  readonly alone: (i: number) => Promise<number>
  /** by how much the round is better with nothing in the place of these than with nothing in the place of those */
  readonly better: (gone: ReadonlySet<number>, than: ReadonlySet<number>) => Promise<number>
  /** whether delta i's account has done more good than harm so far */
  readonly proven: (i: number) => boolean
  /** harm up to this is borne */
  readonly bar: number
}

/** @returns the deltas that are better gone */
export async function harmfulOf(search: Search): Promise<ReadonlySet<number>> {
  return letIn(search, await together(search, await searched(search)))
}

/** One at a time, from both beginnings. */
async function searched(search: Search): Promise<ReadonlySet<number>> {
  const found = await eliminated(search, [])
  if (found.size === 0) return found
  const suspects: number[] = []
  for (const i of search.among) if ((await search.alone(i)) < -search.bar) suspects.push(i)
  if (suspects.length === 0) return found
  const other = await eliminated(search, suspects)
  return (await search.better(other, found)) > 0 ? other : found
}

/** From the worst to the least, until nobody harms past the bar. */
async function eliminated({ among, marginal, bar }: Search, begun: readonly number[]): Promise<ReadonlySet<number>> {
  const gone = new Set(begun)
  const worstFirst = async (of: readonly number[]): Promise<number[]> => {
    const found: { i: number; adds: number }[] = []
    for (const i of of) found.push({ i, adds: await marginal(i, gone) })
    return found
      .filter(({ adds }) => adds < -bar)
      .sort((a, b) => a.adds - b.adds)
      .map(({ i }) => i)
  }
  for (let look = 1; look <= MAX_LOOKS; look++) {
    let suspects = await worstFirst(among.filter((i) => !gone.has(i)))
    if (suspects.length === 0) break
    while (suspects.length > 0) {
      const [worst, ...others] = suspects as [number, ...number[]]
      gone.add(worst)
      suspects = await worstFirst(others)
    }
  }
  return gone
}

/**
 * Past the bar; or, by one who has not done more good than harm so far, at all: beside the others and alone. Honest deltas overshoot now
 * and then, and in late rounds all marginals are small; what tells them from a liar's is what they did before.
 */
async function harms(search: Search, i: number, gone: ReadonlySet<number>): Promise<boolean> {
  const adds = await search.marginal(i, gone)
  return adds < -search.bar || (adds < 0 && !search.proven(i) && (await search.alone(i)) < 0)
}

/** With those who harm a little, if the round is better without all of them. */
async function together(search: Search, gone: ReadonlySet<number>): Promise<ReadonlySet<number>> {
  const more = new Set(gone)
  for (const i of search.among) if (!gone.has(i) && (await harms(search, i, gone))) more.add(i)
  return more.size > gone.size && (await search.better(more, gone)) > 0 ? more : gone
}

/** Without those who do not harm once the others are gone, from the least harmful. */
async function letIn(search: Search, harmful: ReadonlySet<number>): Promise<ReadonlySet<number>> {
  const gone = new Set(harmful)
  const adds = new Map<number, number>()
  for (const i of harmful) adds.set(i, await search.marginal(i, gone))
  for (const i of [...harmful].sort((a, b) => (adds.get(b) as number) - (adds.get(a) as number)))
    if (!(await harms(search, i, gone))) gone.delete(i)
  return gone
}
