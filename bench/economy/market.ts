/** Many rounds of one task, settled by the contract's own rules (src/round), among nodes of given kinds. */
import { type Random, seededRandom } from '../../src/base/random.ts'
import { delegatorsPart, lossOf, partOfLoss, weightOf } from '../../src/round/delegation.ts'
import { roundBudget, settle } from '../../src/round/settlement.ts'
import type { Hex, SettlementRules } from '../../src/types/ledger.ts'
import { type Kind, type Offered, vote } from './nodes.ts'
import type { Conduct, RecordedRound } from './recorded.ts'

export interface MarketOptions {
  readonly kinds: readonly Kind[]
  /** of each node, wei */
  readonly stake: bigint
  /** that somebody delegates to the first node, wei */
  readonly delegated: bigint
  readonly commissionBps: number
  readonly rounds: number
  /** on average, wei */
  readonly perRound: bigint
  readonly proposers: number
  readonly voters: number
  readonly minStake: bigint
  readonly rules: SettlementRules
  readonly recorded: Readonly<Record<Conduct, readonly RecordedRound[]>>
  /** what a copied delta is worth, of an honest one of the same round */
  readonly copyWorth: number
  readonly seed: string
}

/** What became of one node, or of who delegated to it. */
export interface Holder {
  readonly kind: Kind | 'delegator'
  /** rewards earned so far after each round, wei */
  readonly rewards: readonly bigint[]
  /** stake after each round, wei */
  readonly stakes: readonly bigint[]
  /** proposer's seats, and those of them that were included */
  readonly seats: number
  readonly included: number
}

interface Node {
  readonly kind: Kind
  own: bigint
  delegated: bigint
  reward: bigint
  delegatorReward: bigint
  seats: number
  included: number
  readonly history: { reward: bigint; stake: bigint; delegatorReward: bigint; delegatorStake: bigint }[]
}

const COMMITMENT: Hex = `0x${'1'.repeat(64)}`
const REVEAL = { digest: '1', size: 1, baseDigest: 'global' }

export function runMarket(options: MarketOptions): readonly Holder[] {
  const random = seededRandom(options.seed)
  const nodes = options.kinds.map((kind, i): Node => {
    const delegated = i === 0 ? options.delegated : 0n
    const nothing = { reward: 0n, delegatorReward: 0n, seats: 0, included: 0, history: [] }
    return { kind, own: options.stake, delegated, ...nothing }
  })
  let pool = options.perRound * BigInt(options.rounds)
  const best = Math.max(...options.recorded.honest.flatMap(({ honest }) => honest))
  let last = 0
  for (let round = 1; round <= options.rounds; round++) {
    const budget = roundBudget(pool, options.rounds, round)
    const seats = draw(nodes, options, random)
    if (seats === null) break
    const { proposers, voters } = seats
    const offered = offer(proposers, options, random)
    const settlement = settle({
      round,
      budget,
      probe: true,
      rules: options.rules,
      proposers: proposers.map((node) => ({ weight: weight(node), commitment: COMMITMENT, reveal: REVEAL })),
      voters: voters.map((node) => {
        const votes = offered.map((one) => vote(node.kind, one, { last, best }, random))
        const scores = {
          probe: votes.map(([probe]) => probe),
          private: votes.map(([, veto]) => veto),
          incumbentProbe: 0,
          incumbentPrivate: 0,
        }
        return { weight: weight(node), commitment: COMMITMENT, scores }
      }),
    })
    for (const [i, node] of proposers.entries()) {
      const { outcome, paid, slashBps } = settlement.proposers[i] as (typeof settlement.proposers)[number]
      node.seats++
      if (outcome === 'included') node.included++
      pool -= pay(node, paid, slashBps, options)
    }
    for (const [i, node] of voters.entries()) {
      const { paid, slashBps } = settlement.voters[i] as (typeof settlement.voters)[number]
      pool -= pay(node, paid, slashBps, options)
    }
    last = Math.round(settlement.proposers.reduce((sum, { median }) => sum + median, 0) / proposers.length)
    for (const node of nodes)
      node.history.push({
        reward: node.reward,
        stake: node.own,
        delegatorReward: node.delegatorReward,
        delegatorStake: node.delegated,
      })
  }
  return nodes.flatMap((node, i): Holder[] => {
    const { kind, seats, included, history } = node
    const holder: Holder = {
      kind,
      rewards: history.map((h) => h.reward),
      stakes: history.map((h) => h.stake),
      seats,
      included,
    }
    if (i > 0 || options.delegated === 0n) return [holder]
    const rewards = history.map((h) => h.delegatorReward)
    const stakes = history.map((h) => h.delegatorStake)
    return [holder, { kind: 'delegator', rewards, stakes, seats, included }]
  })
}

const weight = (node: Node): bigint => weightOf(node.own, node.delegated)

/** Seats by weight without replacement, proposers first; null with fewer than two that may be drawn. */
function draw(
  nodes: readonly Node[],
  { proposers, voters, minStake }: MarketOptions,
  random: Random,
): { readonly proposers: readonly Node[]; readonly voters: readonly Node[] } | null {
  const left = nodes.filter((node) => node.own >= minStake)
  if (left.length < 2) return null
  const drawn: Node[] = []
  while (drawn.length < proposers + voters && left.length > 0) {
    let point = random.next() * left.reduce((sum, node) => sum + Number(weight(node)), 0)
    let at = 0
    while (at < left.length - 1 && point >= Number(weight(left[at] as Node)))
      point -= Number(weight(left[at++] as Node))
    drawn.push(...left.splice(at, 1))
  }
  // with too few for all seats, voters stay as many as their part
  const count = Math.max(1, Math.min(proposers, Math.floor((drawn.length * proposers) / (proposers + voters))))
  return { proposers: drawn.slice(0, count), voters: drawn.slice(count) }
}

/** What each proposer's delta does, out of one recorded round: its own kind's median, or one of the honest ones. */
function offer(proposers: readonly Node[], { recorded, copyWorth }: MarketOptions, random: Random): readonly Offered[] {
  const conduct = proposers.map(({ kind }) => conductOf(kind)).find((c) => c !== 'honest') ?? 'honest'
  const round = pick(recorded[conduct], random)
  return proposers.map(({ kind }) => {
    if (conductOf(kind) !== 'honest') return { kind, truth: pick(round.other, random) }
    const honest = pick(round.honest, random)
    return { kind, truth: kind === 'copier' ? Math.round(honest * copyWorth) : honest }
  })
}

function conductOf(kind: Kind): Conduct {
  if (kind === 'noise' || kind === 'flip') return kind
  return kind === 'honest' || kind === 'copier' ? 'honest' : 'zeros'
}

function pick<T>(list: readonly T[], random: Random): T {
  return list[random.int(list.length)] as T
}

/** Credits and slashes one seat. @returns what left the pool, wei */
function pay(node: Node, paid: bigint, slashBps: number, { commissionBps }: MarketOptions): bigint {
  const atDraw = weight(node)
  const part = delegatorsPart(paid, node.own, node.delegated, commissionBps)
  node.delegatorReward += part
  node.reward += paid - part
  if (slashBps > 0) {
    const atRisk = node.own + node.delegated
    const loss = lossOf(atRisk, atDraw, slashBps)
    const delegators = partOfLoss(loss, node.delegated, atRisk)
    node.delegated -= delegators
    node.own -= loss - delegators
  }
  return paid
}
