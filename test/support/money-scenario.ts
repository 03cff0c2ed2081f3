/** Three rounds of a task in which everything happens that moves money: honest, idle, lying and silent seats, delegations, claims. */
import { keccak256, toUtf8Bytes } from 'ethers'
import { sha256 } from '../../src/base/bytes.ts'
import { merkleLeaf, merkleTree } from '../../src/data/merkle.ts'
import type { Address, Hex, Ledger, Phase, Scores } from '../../src/types/ledger.ts'
import { testDelta, testParams, testPeer } from '../ledger/ledger.behavior.ts'

const TOKEN = 10n ** 18n
const ROUNDS = 3
const salt = (text: string): Hex => keccak256(toUtf8Bytes(text)) as Hex

export interface MoneyWorld {
  /** `count` funded accounts (1,000 tokens each), started */
  ledgers(count: number): Promise<readonly Ledger[]>
  elapse(seconds: number): Promise<void>
}

export interface MoneyScene {
  readonly creator: Ledger
  readonly nodes: readonly Ledger[]
  readonly holders: readonly Ledger[]
  readonly all: readonly Ledger[]
  readonly task: number
}

/** Plays it; the task is finished afterwards, and another one cancelled. */
export async function playMoneyScene(world: MoneyWorld): Promise<MoneyScene> {
  const all = await world.ledgers(9)
  const [creator, early, late] = all as [Ledger, Ledger, Ledger]
  const nodes = all.slice(3)
  const [idle, liar] = nodes as [Ledger, Ledger]
  for (const [i, node] of nodes.entries()) {
    const peer = testPeer(i)
    await node.register(peer.peerId, peer.sign)
    // odd amounts: what divides evenly shows no rounding
    await node.deposit(50n * TOKEN + BigInt(i) * 7_777_777_777_777_777n)
    if (i % 2 === 0) await node.setCommission(1234)
    if (i === 3) await node.setCommission(0)
  }
  const takers = [0, 2, 3, 4].map((i) => nodes[i] as Ledger)
  for (const [i, node] of takers.entries()) await early.delegate(node.account, 33n * TOKEN + BigInt(i))
  await (takers[1] as Ledger).setCommission(2000)

  const slices = Array.from({ length: ROUNDS }, (_, i) => sha256(`slice ${i + 1}`))
  const tree = merkleTree(slices.map((slice, i) => merkleLeaf(i + 1, slice)))
  const { rules } = testParams()
  const terms = { pool: 100n * TOKEN + 1n, rounds: ROUNDS, proposers: 3, voters: 3, probeRoot: tree.root }
  // with three proposers the spread that one liar makes would hide it
  const task = await creator.createTask(testParams({ ...terms, rules: { ...rules, slashSpreadBps: 20_000 } }))
  const other = await creator.createTask(testParams({ specDigest: sha256('other'), pool: 3n * TOKEN }))
  await creator.cancelTask(other)
  // what another adds to the pool is paid like the rest, and what is left of it burnt
  await late.fundTask(task, 7n * TOKEN + 5n)
  for (const node of nodes) await node.join(task)
  const of = (account: Address): Ledger => nodes.find((n) => n.account === account) as Ledger

  /** Lets a phase run out that has not ended by itself. */
  const end = async (phase: Phase, seconds: number): Promise<void> => {
    if ((await creator.task(task)).phase !== phase) return
    await world.elapse(seconds)
    await creator.advance(task)
  }

  for (let round = 1; round <= ROUNDS; round++) {
    // in the second of the draw a delegation would be too late
    await world.elapse(1)
    await creator.startRound(task)
    const { proposers, voters } = await creator.round(task, round)
    // who comes after the draw has no part in the round, but its stake changes under it
    await late.delegate((takers[round % takers.length] as Ledger).account, 11n * TOKEN + 3n)
    if (round === 2) await (nodes[5] as Ledger).requestWithdraw(5n * TOKEN)
    await world.elapse(10)
    for (const { account } of proposers)
      if (account !== idle.account) await of(account).commit(task, round, testDelta(account, round))
    await end('train', 601)
    for (const { account } of proposers)
      if (account !== idle.account && !(account === liar.account && round === 2))
        await of(account).reveal(task, round, testDelta(account, round))
    await end('reveal', 301)
    const digest = slices[round - 1] as string
    await creator.revealProbe(task, round, { digest, size: 9, proof: tree.proof(round - 1) })
    const marginals = proposers.map(({ account }, i) => (account === liar.account ? -900 : 37 + 13 * i))
    for (const { account } of voters) {
      const scores = votes(marginals, account === liar.account && round === 3)
      await of(account).commitScores(task, round, scores, salt(account))
    }
    for (const { account } of voters) {
      const scores = votes(marginals, account === liar.account && round === 3)
      if (!(account === idle.account && round === 1)) await of(account).revealScores(task, round, scores, salt(account))
    }
    await end('tally', 301)
    if (round === 1) {
      await (nodes[2] as Ledger).claim()
      const [first] = (await early.delegations(early.account)).filter((d) => d.rewards > 0n)
      if (first !== undefined) await early.claimDelegation(first.operator)
      await early.undelegate((takers[2] as Ledger).account, 10n * TOKEN)
    }
    if (round === 2) await early.undelegate((takers[3] as Ledger).account, null)
  }
  await creator.claim()
  return { creator, nodes, holders: [early, late], all, task }
}

function votes(marginals: readonly number[], lie: boolean): Scores {
  const probe = marginals.map((m) => (lie ? 20_000 - m : m))
  return { probe, private: probe, incumbentProbe: 5, incumbentPrivate: 5 }
}
