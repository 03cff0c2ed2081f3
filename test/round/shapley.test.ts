import { expect } from 'chai'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import { type Game, isExact, mostMeasured, type Shares, shapley } from '../../src/round/shapley.ts'
import { expectRejects } from '../support/expect-error.ts'

/** A game in which every coalition has a number of its own. */
function table(players: number, worths: readonly number[]): Game & { asked: number } {
  const game = {
    players,
    asked: 0,
    async worth(coalition: readonly number[]) {
      game.asked++
      return worths[coalition.reduce((set, i) => set | (1 << i), 0)] as number
    },
  }
  return game
}

const games = (most: number) =>
  fc
    .integer({ min: 0, max: most })
    .chain((players) =>
      fc.tuple(
        fc.constant(players),
        fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 2 ** players, maxLength: 2 ** players }),
      ),
    )

const options = { permutations: 4, tolerance: 0, seed: 'test' }
const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0)

/** By the definition: the mean over all orders of what each player adds when it joins. */
async function bruteForce(game: Game): Promise<number[]> {
  const orders = (left: readonly number[]): number[][] =>
    left.length === 0 ? [[]] : left.flatMap((i) => orders(left.filter((j) => j !== i)).map((rest) => [i, ...rest]))
  const values = Array.from({ length: game.players }, () => 0)
  const all = orders(values.map((_, i) => i))
  for (const order of all) {
    for (const [at, player] of order.entries()) {
      const before = order.slice(0, at).toSorted((a, b) => a - b)
      const after = [...before, player].toSorted((a, b) => a - b)
      values[player]! += ((await game.worth(after)) - (await game.worth(before))) / all.length
    }
  }
  return values
}

const close = (a: readonly number[], b: readonly number[]): void => {
  expect(a).to.have.length(b.length)
  for (const [i, x] of a.entries()) expect(x).to.be.closeTo(b[i] as number, 1e-9)
}

describe('the Shapley value', () => {
  it('is that of the definition where it is exact', async () => {
    await fc.assert(
      fc.asyncProperty(games(5), async ([players, worths]) => {
        const game = table(players, worths)
        const found = await shapley(game, { ...options, permutations: 8 })
        expect(found.exact).to.equal(true)
        expect(game.asked, 'each coalition once').to.equal(2 ** players)
        expect(found.errors).to.deep.equal(Array(players).fill(0))
        close(found.values, await bruteForce(game))
      }),
      { numRuns: 40 },
    )
  })

  it('adds up to what all are worth beyond nobody: exact, and in every sample', async () => {
    await fc.assert(
      fc.asyncProperty(games(7), fc.integer({ min: 2, max: 6 }), async ([players, worths], permutations) => {
        const { values, empty, whole } = await shapley(table(players, worths), { ...options, permutations })
        expect(sum(values)).to.be.closeTo(whole - empty, 1e-9)
        expect(empty).to.equal(worths[0])
        expect(whole).to.equal(worths.at(-1))
      }),
    )
  })

  it('misses at most the tolerance of that sum', async () => {
    await fc.assert(
      fc.asyncProperty(games(7), fc.double({ min: 0, max: 3, noNaN: true }), async ([players, worths], tolerance) => {
        const game = table(players, worths)
        const found = await shapley(game, { ...options, tolerance, permutations: 2 })
        const miss = Math.abs(sum(found.values) - (found.whole - found.empty))
        expect(miss).to.be.at.most((found.exact ? 0 : tolerance) + 1e-9)
        expect(found.measured).to.be.at.most(mostMeasured(players, 2))
      }),
    )
  })

  /** Worth by how many of each kind are in: kinds, and a player that changes nothing. */
  const kinds = (players: number): Game => ({
    players,
    worth: async (coalition) => {
      const even = coalition.filter((i) => i % 2 === 0 && i !== players - 1).length
      const odd = coalition.filter((i) => i % 2 === 1 && i !== players - 1).length
      return Math.sqrt(even) + 0.3 * odd * even - 0.1 * odd
    },
  })

  it('gives those who do the same the same, and nothing to who changes nothing', async () => {
    const { values, exact } = await shapley(kinds(7), { ...options, permutations: 32 })
    expect(exact).to.equal(true)
    close([values[0] as number, values[1] as number], [values[4] as number, values[5] as number])
    expect(values[6]).to.equal(0)
  })

  it('is near the exact one when it is sampled, by as much as the error says', async () => {
    const game = kinds(7)
    const { values: truth } = await shapley(game, { ...options, permutations: 100 })
    const { values, errors, exact } = await shapley(game, { ...options, permutations: 17 })
    expect(exact).to.equal(false)
    for (const [i, value] of values.entries()) {
      expect(Math.abs(value - (truth[i] as number))).to.be.at.most(4 * (errors[i] as number) + 1e-12)
    }
    expect(values[6]).to.equal(0)
    expect(errors.slice(0, 6).every((error) => error > 0)).to.equal(true)
  })

  it('is unbiased: means of many samples come to the exact one', async () => {
    const game = kinds(7)
    const { values: truth } = await shapley(game, { ...options, permutations: 100 })
    const runs: Shares[] = []
    for (let i = 0; i < 200; i++) runs.push(await shapley(game, { ...options, permutations: 4, seed: `run ${i}` }))
    for (const [i, exact] of truth.entries()) {
      const mean = sum(runs.map((run) => run.values[i] as number)) / runs.length
      const told = Math.sqrt(sum(runs.map((run) => (run.errors[i] as number) ** 2)) / runs.length)
      expect(Math.abs(mean - exact)).to.be.at.most((4 * told) / Math.sqrt(runs.length) + 1e-9)
    }
  })

  it('is the same from the same seed, and another from another', async () => {
    const random = seededRandom(1)
    const game = table(
      8,
      Array.from({ length: 256 }, () => random.next()),
    )
    const first = await shapley(game, { ...options, seed: 'a' })
    expect(first.exact).to.equal(false)
    expect(await shapley(game, { ...options, seed: 'a' })).to.deep.equal(first)
    expect((await shapley(game, { ...options, seed: 'b' })).values).to.not.deep.equal(first.values)
  })

  it('saves measurements: sixteen coalitions or fewer are all measured, and more only where orders would ask for as many', () => {
    expect([0, 1, 2, 3, 4].map((n) => isExact(n, 2))).to.deep.equal(Array(5).fill(true))
    expect(isExact(5, 6)).to.equal(false)
    expect(isExact(5, 7)).to.equal(true)
    expect(isExact(32, 1_000_000_000)).to.equal(false)
    expect(mostMeasured(6, 4)).to.equal(22)
  })

  it('refuses what is no game', async () => {
    const game = table(2, [0, 1, 2, 3])
    await expectRejects(() => shapley({ ...game, players: 1.5 }, options), 'E_ARGUMENT')
    await expectRejects(() => shapley(game, { ...options, permutations: 1 }), 'E_ARGUMENT')
    await expectRejects(() => shapley(game, { ...options, tolerance: Number.NaN }), 'E_ARGUMENT')
    await expectRejects(() => shapley(table(1, [0, Number.POSITIVE_INFINITY]), options), 'E_ARGUMENT', /finite/)
  })
})
