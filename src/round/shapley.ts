/**
 * Who brought how much: the Shapley value of a game whose value is a measurement. Exact over all coalitions where those are few; else
 * truncated Monte Carlo over permutations (Ghorbani and Zou 2019, arXiv:1904.02868). Of a federated task, round by round: Wang, Rausch,
 * Zhang, Jia, Song 2020, arXiv:2009.06192.
 *
 *     const { values } = await shapley({ players: 3, worth }, { permutations: 32, tolerance: 0, seed: 'round 1' })
 *     // values[0] + values[1] + values[2] = worth([0, 1, 2]) − worth([])
 */
import { CoveyError } from '../base/errors.ts'
import { seededRandom, shuffle } from '../base/random.ts'

/** Up to four players have sixteen coalitions: never sampled. */
const FEW_COALITIONS = 16
/** Two to this many coalitions are more than anybody waits for; exact beyond it is never tried. */
const MOST_EXACT = 20

export interface Game {
  readonly players: number
  /** what a coalition is worth; players ascending, none twice. Asked once for each coalition */
  worth(coalition: readonly number[]): Promise<number>
}

export interface ShapleyOptions {
  /** orders in which players join, where it is sampled; 2 or more, so that there is an error to tell */
  readonly permutations: number
  /** in one order, who joins once the coalition is worth as much as all but for this adds nothing */
  readonly tolerance: number
  readonly seed: string
}

export interface Shares {
  /** player -> its value. They add up to `whole` − `empty`: exact ones but for rounding, sampled ones but for `tolerance` */
  readonly values: readonly number[]
  /** player -> standard error over the orders; 0 where it is exact */
  readonly errors: readonly number[]
  readonly exact: boolean
  /** coalitions that were measured */
  readonly measured: number
  readonly empty: number
  readonly whole: number
}

/** Whether all coalitions are measured: they are sixteen at most, or no more than the orders could ask for. */
export function isExact(players: number, permutations: number): boolean {
  return players <= MOST_EXACT && 2 ** players <= Math.max(FEW_COALITIONS, permutations * players)
}

/** The most coalitions that are measured. */
export function mostMeasured(players: number, permutations: number): number {
  if (isExact(players, permutations)) return 2 ** players
  // each order begins with nobody and ends with all
  return 2 + permutations * (players - 1)
}

/** @throws CoveyError E_ARGUMENT, and what `worth` throws */
export async function shapley(game: Game, options: ShapleyOptions): Promise<Shares> {
  const { players } = game
  const { permutations, tolerance } = options
  const refuse = (what: string, got: number): CoveyError =>
    new CoveyError('E_ARGUMENT', `shapley: expected ${what}, got ${got}`)
  if (!Number.isSafeInteger(players) || players < 0) throw refuse('a whole number of players', players)
  if (!Number.isSafeInteger(permutations) || permutations < 2) throw refuse('2 permutations or more', permutations)
  if (!(tolerance >= 0)) throw refuse('a tolerance of 0 or more', tolerance)
  const known = new Map<string, number>()
  const worth = async (coalition: readonly number[]): Promise<number> => {
    const key = coalition.join()
    const before = known.get(key)
    if (before !== undefined) return before
    const value = await game.worth(coalition)
    if (!Number.isFinite(value)) throw refuse('coalitions whose values are finite', value)
    known.set(key, value)
    return value
  }
  const all = Array.from({ length: players }, (_, i) => i)
  const empty = await worth([])
  const whole = await worth(all)
  const exact = isExact(players, permutations)
  const found = exact ? await exactly(players, worth) : await sampled(all, whole, empty, worth, options)
  return { ...found, exact, measured: known.size, empty, whole }
}

type Worth = (coalition: readonly number[]) => Promise<number>

/** φᵢ = Σ over S without i of |S|!·(n − |S| − 1)!/n! · (v(S ∪ i) − v(S)). */
async function exactly(players: number, worth: Worth): Promise<Pick<Shares, 'values' | 'errors'>> {
  const worths: number[] = []
  const sizes: number[] = []
  for (let set = 0; set < 2 ** players; set++) {
    const coalition = Array.from({ length: players }, (_, i) => i).filter((i) => (set >> i) & 1)
    worths.push(await worth(coalition))
    sizes.push(coalition.length)
  }
  const weights = weightsBySize(players)
  const values = Array.from({ length: players }, (_, i) => {
    let value = 0
    for (let set = 0; set < worths.length; set++) {
      if ((set >> i) & 1) continue
      value +=
        (weights[sizes[set] as number] as number) * ((worths[set | (1 << i)] as number) - (worths[set] as number))
    }
    return value
  })
  return { values, errors: values.map(() => 0) }
}

/** s -> s!·(n − s − 1)!/n!: each step is a quotient, so nothing grows large. */
function weightsBySize(n: number): readonly number[] {
  const weights = [1 / Math.max(1, n)]
  for (let s = 1; s < n; s++) weights.push(((weights[s - 1] as number) * s) / (n - s))
  return weights
}

async function sampled(
  all: readonly number[],
  whole: number,
  empty: number,
  worth: Worth,
  { permutations, tolerance, seed }: ShapleyOptions,
): Promise<Pick<Shares, 'values' | 'errors'>> {
  const random = seededRandom(`covey/shapley/1/${seed}`)
  const sums = all.map(() => 0)
  const squares = all.map(() => 0)
  for (let p = 0; p < permutations; p++) {
    let before = empty
    const joined: number[] = []
    for (const player of shuffle([...all], random)) {
      // who comes after this adds 0
      if (Math.abs(whole - before) <= tolerance) break
      joined.push(player)
      const after = await worth(joined.toSorted((a, b) => a - b))
      sums[player]! += after - before
      squares[player]! += (after - before) ** 2
      before = after
    }
  }
  const values = sums.map((sum) => sum / permutations)
  const errors = squares.map((square, i) => {
    const variance = Math.max(0, square / permutations - (values[i] as number) ** 2)
    return Math.sqrt(variance / (permutations - 1))
  })
  return { values, errors }
}
