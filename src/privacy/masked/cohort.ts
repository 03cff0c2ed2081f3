/**
 * Who masks with whom. A round's proposers are dealt into cohorts in seat order; what is opened of a cohort is the sum of its deltas and nothing
 * else. Everything here follows from what is on chain, so that every node says the same without asking.
 */
import { digestOfJson } from '../../base/canonical.ts'
import { CoveyError } from '../../base/errors.ts'
import { seededRandom, shuffle } from '../../base/random.ts'

/** With two, each would know the other's delta by taking its own away from the sum. */
export const MIN_MEMBERS = 3
/** Far above the seats that the contract gives a round; bounds every list in a message. */
export const MAX_MEMBERS = 128

export interface CohortMember {
  readonly account: string
  /** of the peer that the account is bound to on chain, Ed25519, 32 bytes; null: none, or its statement does not hold */
  readonly publicKey: Uint8Array | null
}

export interface CohortIdentity {
  readonly chainId: number
  readonly task: number
  readonly specDigest: string
  readonly round: number
  /** 0-based among the round's cohorts */
  readonly cohort: number
  /** in seat order; a member's number is its place here */
  readonly members: readonly CohortMember[]
  /** each member masks with so many others and deals its shares to them; null = with all */
  readonly neighbours: number | null
}

export interface Cohort extends CohortIdentity {
  /** sha256 of all of the above but the peer keys, 64 hex digits: what every message of the cohort names, so that none fits another one */
  readonly digest: string
  /** so many members must have masked with the same others and published, or nothing is opened */
  readonly threshold: number
  /** member -> with whom it masks, ascending */
  readonly graph: readonly (readonly number[])[]
}

/**
 * More than two thirds. Two sets of so many members have more than a third of all in common, so an adversary that holds up to a third of the
 * members never gets both secrets of one, even if it shows every node another chain (docs/masked.md).
 */
export function thresholdOf(members: number): number {
  return Math.floor((2 * members) / 3) + 1
}

/** @throws CoveyError E_COHORT for fewer than MIN_MEMBERS members, E_ARGUMENT for a number of neighbours that makes no graph */
export function createCohort(identity: CohortIdentity): Cohort {
  const { members, neighbours } = identity
  const n = members.length
  if (n < MIN_MEMBERS || n > MAX_MEMBERS) {
    throw new CoveyError(
      'E_COHORT',
      `cohort ${identity.cohort} of round ${identity.round}: expected ${MIN_MEMBERS} to ${MAX_MEMBERS} members, got ${n}: a sum of fewer would show single deltas`,
      { members: n },
    )
  }
  // peer keys are left out: an account may bind another peer later, and what was published before still belongs to its round
  const digest = digestOfJson({
    kind: 'covey/masked/1',
    ...identity,
    members: members.map(({ account }) => account.toLowerCase()),
  })
  return { ...identity, digest, threshold: thresholdOf(n), graph: maskGraph(n, neighbours, digest) }
}

/** Who holds a share of a member's secrets: its neighbours and itself, ascending. */
export function holdersOf({ graph }: Pick<Cohort, 'graph'>, member: number): number[] {
  return [...(graph[member] as readonly number[]), member].sort((a, b) => a - b)
}

/** Shares that open a secret of this member. */
export function sharesNeeded(cohort: Pick<Cohort, 'graph'>, member: number): number {
  return thresholdOf(holdersOf(cohort, member).length)
}

/**
 * The complete graph, or a ring in random order in which everyone is joined with the `degree`/2 nearest on both sides (SecAgg+: Bell, Bonawitz,
 * Gascón, Lepoint, Raykova 2020, https://eprint.iacr.org/2020/704). The order follows from the cohort's digest, which nobody chooses: seats are drawn.
 * @param degree even, at least 4; null or at least n − 1 = everyone with everyone
 */
export function maskGraph(n: number, degree: number | null, seed: string): readonly (readonly number[])[] {
  const others = (i: number): number[] => Array.from({ length: n }, (_, j) => j).filter((j) => j !== i)
  if (degree !== null && (!Number.isInteger(degree) || degree < 4 || degree % 2 !== 0))
    throw new CoveyError('E_ARGUMENT', `neighbours: expected an even number of at least 4, got ${degree}`)
  if (degree === null || degree >= n - 1) return Array.from({ length: n }, (_, i) => others(i))
  const order = shuffle(
    Array.from({ length: n }, (_, i) => i),
    seededRandom(`covey/masked/graph/1/${seed}`),
  )
  const graph: number[][] = Array.from({ length: n }, () => [])
  order.forEach((member, at) => {
    for (let step = 1; step <= degree / 2; step++) {
      const other = order[(at + step) % n] as number
      graph[member]?.push(other)
      graph[other]?.push(member)
    }
  })
  return graph.map((list) => list.sort((a, b) => a - b))
}

/**
 * Seats into cohorts of `size` or a few more, in seat order, sizes at most one apart: seats are drawn at random, so nobody chooses its company.
 * @returns seat numbers; one cohort when there are fewer than 2 × `size`
 */
export function dealCohorts(seats: number, size: number): readonly (readonly number[])[] {
  const count = Math.max(1, Math.floor(seats / size))
  return Array.from({ length: count }, (_, c) => {
    const from = Math.floor((c * seats) / count)
    const to = Math.floor(((c + 1) * seats) / count)
    return Array.from({ length: to - from }, (_, i) => from + i)
  })
}
