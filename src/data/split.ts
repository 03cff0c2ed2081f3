/**
 * Who learns what: test, probe and training parts of a data set, whole partitions dealt to nodes, one probe slice a round.
 * Membership follows from hashes of the examples, so it does not depend on the order of lines or on other examples.
 */
import { sha256 } from '../base/bytes.ts'
import { CoveyError } from '../base/errors.ts'
import { seededRandom, shuffle } from '../base/random.ts'
import type { Example } from '../types/data.ts'

/** Of one partition, the probe takes at most this share of the distinct examples: the rest is there to be learnt. */
const MAX_PROBE_SHARE = 0.5

/**
 * What decides where an example goes: sha256 of its prompt (of its completion when the prompt is empty). The same question
 * with two answers is therefore never in two parts.
 */
export function exampleKey(example: Example): string {
  return sha256(example.prompt === '' ? `completion ${example.completion}` : `prompt ${example.prompt}`)
}

/** A number in [0, 1) that belongs to a key and a purpose. */
const unit = (purpose: string, seed: string | number, key: string): number =>
  Number.parseInt(sha256(`${purpose} ${seed} ${key}`).slice(0, 12), 16) / 2 ** 48

/** Keys in the order of their numbers, each hashed once. */
function inHashOrder(keys: Iterable<string>, purpose: string, seed: string | number): string[] {
  const ranked = Array.from(keys, (key) => ({ key, at: unit(purpose, seed, key) }))
  return ranked.sort((a, b) => a.at - b.at || (a.key < b.key ? -1 : 1)).map(({ key }) => key)
}

function byPartition(examples: readonly Example[]): Map<string, Example[]> {
  const out = new Map<string, Example[]>()
  for (const example of examples) {
    const list = out.get(example.partition)
    if (list) list.push(example)
    else out.set(example.partition, [example])
  }
  return new Map([...out].sort(([a], [b]) => (a < b ? -1 : 1)))
}

export interface SplitOptions {
  readonly seed: string | number
  /** part of the examples kept for the test set, 0 to 1; 0 when `test` is given */
  readonly testShare: number
  /** a test set from elsewhere: its prompts are kept out of training and probe */
  readonly test?: readonly Example[]
  /** examples for the probe: rounds · sliceExamples */
  readonly probeExamples: number
}

export interface Split {
  readonly train: readonly Example[]
  readonly test: readonly Example[]
  /** distinct prompts, as evenly from all partitions as they allow */
  readonly probe: readonly Example[]
}

/**
 * Disjoint by prompt. The probe covers every partition that has at least two distinct prompts left after the test set; a
 * partition with one keeps it for training.
 * @throws CoveyError E_ARGUMENT
 */
export function splitExamples(examples: readonly Example[], options: SplitOptions): Split {
  const { seed, testShare, probeExamples } = options
  if (!(testShare >= 0 && testShare < 1)) {
    throw new CoveyError('E_ARGUMENT', `testShare: expected 0 to below 1, got ${testShare}`)
  }
  if (!Number.isSafeInteger(probeExamples) || probeExamples < 0) {
    throw new CoveyError('E_ARGUMENT', `probeExamples: expected a whole number of at least 0, got ${probeExamples}`)
  }
  const given = new Set((options.test ?? []).map(exampleKey))
  const test: Example[] = [...(options.test ?? [])]
  const rest: Example[] = []
  for (const example of examples) {
    const key = exampleKey(example)
    if (given.has(key)) continue
    if (testShare > 0 && unit('test', seed, key) < testShare) test.push(example)
    else rest.push(example)
  }
  const probe = stratified(rest, probeExamples, seed)
  const inProbe = new Set(probe.map(exampleKey))
  return { train: rest.filter((example) => !inProbe.has(exampleKey(example))), test, probe }
}

/** Up to `count` examples with distinct prompts, round robin over the partitions in hash order. */
function stratified(examples: readonly Example[], count: number, seed: string | number): Example[] {
  const seen = new Set<string>()
  const pools: Example[][] = []
  for (const list of byPartition(examples).values()) {
    const distinct = new Map(list.map((example) => [exampleKey(example), example]))
    const ranked = inHashOrder(distinct.keys(), 'probe', seed)
    const most = distinct.size < 2 ? 0 : Math.max(1, Math.floor(distinct.size * MAX_PROBE_SHARE))
    const pool: Example[] = []
    for (const key of ranked) {
      if (pool.length === most) break
      if (seen.has(key)) continue // a prompt that another partition has too
      seen.add(key)
      pool.push(distinct.get(key) as Example)
    }
    pools.push(pool)
  }
  const quotas = evenQuotas(
    pools.map((pool) => pool.length),
    count,
  )
  return pools.flatMap((pool, i) => pool.slice(0, quotas[i]))
}

/** How much to take of each of `sizes` so that the sum is min(total, Σ sizes) and the shares are as equal as possible. */
function evenQuotas(sizes: readonly number[], total: number): number[] {
  const quotas = sizes.map(() => 0)
  let left = Math.min(
    total,
    sizes.reduce((a, b) => a + b, 0),
  )
  for (let level = 0; left > 0; level++) {
    for (let i = 0; i < sizes.length && left > 0; i++) {
      if ((sizes[i] as number) > level) {
        quotas[i] = (quotas[i] as number) + 1
        left--
      }
    }
  }
  return quotas
}

/**
 * Takes a private held-out part off a node's own examples, for its veto: disjoint by prompt, at least one example when
 * there are two distinct prompts. @throws CoveyError E_ARGUMENT
 */
export function holdOut(
  examples: readonly Example[],
  share: number,
  seed: string | number,
): { readonly train: readonly Example[]; readonly heldOut: readonly Example[] } {
  if (!(share >= 0 && share < 1)) throw new CoveyError('E_ARGUMENT', `share: expected 0 to below 1, got ${share}`)
  const keys = inHashOrder(new Set(examples.map(exampleKey)), 'held', seed)
  const count = share === 0 || keys.length < 2 ? 0 : Math.max(1, Math.floor(keys.length * share))
  const held = new Set(keys.slice(0, count))
  return {
    train: examples.filter((example) => !held.has(exampleKey(example))),
    heldOut: examples.filter((example) => held.has(exampleKey(example))),
  }
}

/**
 * Whole partitions to nodes, largest first to the node that has least (Graham 1969): each node gets at least one.
 * @param sizes partition -> number of examples
 * @returns for each node the names of its partitions. @throws CoveyError E_ARGUMENT when there are fewer partitions than nodes
 */
export function dealPartitions(
  sizes: ReadonlyMap<string, number>,
  nodes: number,
  seed: string | number,
): readonly (readonly string[])[] {
  if (!Number.isSafeInteger(nodes) || nodes < 1) {
    throw new CoveyError('E_ARGUMENT', `nodes: expected a whole number of at least 1, got ${nodes}`, { nodes })
  }
  if (sizes.size < nodes) {
    throw new CoveyError(
      'E_ARGUMENT',
      `nodes: ${nodes} nodes need at least as many partitions, the data has ${sizes.size}; use fewer --nodes, or another --partition-by`,
      { nodes, partitions: sizes.size },
    )
  }
  const random = seededRandom(`deal ${seed}`)
  const order = shuffle(
    [...sizes].sort(([a], [b]) => (a < b ? -1 : 1)),
    random,
  )
  order.sort(([, a], [, b]) => b - a)
  const hands = Array.from({ length: nodes }, () => ({ names: [] as string[], examples: 0 }))
  for (const [name, size] of order) {
    // an empty hand comes first, so that partitions without examples cannot starve a node
    const hand = hands.reduce((least, next) =>
      Number(next.names.length > 0) - Number(least.names.length > 0) < 0 ||
      (next.names.length > 0 === least.names.length > 0 && next.examples < least.examples)
        ? next
        : least,
    )
    hand.names.push(name)
    hand.examples += size
  }
  return shuffle(hands, random).map((hand) => hand.names.sort())
}

/** partition -> number of examples. */
export function partitionSizes(examples: readonly Example[]): ReadonlyMap<string, number> {
  return new Map([...byPartition(examples)].map(([name, list]) => [name, list.length]))
}

/**
 * Disjoint slices of equal size, one a round, each covering the partitions as evenly as possible: counts of one partition
 * differ by at most one between slices. With fewer than rounds · sliceExamples examples the slices get smaller.
 * @returns slices[0] is round 1's. @throws CoveyError E_ARGUMENT when not even one example a slice is there
 */
export function probeSlices(
  examples: readonly Example[],
  rounds: number,
  sliceExamples: number,
  seed: string | number,
): readonly (readonly Example[])[] {
  for (const [name, value] of Object.entries({ rounds, sliceExamples })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new CoveyError('E_ARGUMENT', `${name}: expected a whole number of at least 1, got ${value}`)
    }
  }
  const size = Math.min(sliceExamples, Math.floor(examples.length / rounds))
  if (size < 1) {
    throw new CoveyError(
      'E_ARGUMENT',
      `the probe has ${examples.length} examples for ${rounds} rounds: expected at least one a round; use fewer --rounds or more data`,
      { examples: examples.length, rounds },
    )
  }
  const random = seededRandom(`slices ${seed}`)
  const pools = [...byPartition(examples).values()].map((pool) => shuffle(pool, random))
  const quotas = evenQuotas(
    pools.map((pool) => pool.length),
    size * rounds,
  )
  const slices: Example[][] = Array.from({ length: rounds }, () => [])
  // partitions stand one after the other and are dealt out like cards
  pools
    .flatMap((pool, i) => pool.slice(0, quotas[i]))
    .forEach((example, i) => {
      slices[i % rounds]?.push(example)
    })
  return slices.map((slice) => shuffle(slice, random))
}
