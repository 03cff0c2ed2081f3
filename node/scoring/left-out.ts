/**
 * Which deltas a round is better without, as a voter finds it. One at a time, and the others measured again after each: two nodes with
 * like data overshoot together, and beside a liar honest deltas look harmful, or another liar's useful; with the worst one gone, the
 * others show what they are. (Backward elimination, as in choosing variables: Efroymson 1960.)
 */

/** Times that everybody is looked at. What a later look would still find is left to the next round: a voter's time has an end. */
const MAX_LOOKS = 4

/**
 * Marginals and the bar are scores, whole numbers of the chain: the last digits of a loss, in which machines differ, seldom decide.
 * @param among deltas that may go
 * @param marginal of delta i, with nothing in the place of those that are gone already
 * @param bar harm up to this is borne
 */
export async function harmfulOf(
  among: readonly number[],
  marginal: (i: number, gone: ReadonlySet<number>) => Promise<number>,
  bar: number,
): Promise<ReadonlySet<number>> {
  const gone = new Set<number>()
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
