/** What each call of the contracts costs, in a world that is the same every time. */
import type { ContractTransactionResponse } from 'ethers'
import {
  type Account,
  type Contracts,
  delta,
  deltaCommitment,
  deploy,
  ethers,
  networkHelpers,
  pack,
  params,
  plainScores,
  proofOf,
  register,
  SLICES,
  STAKE,
  salt,
  scoresCommitment,
  TOKEN,
} from './contracts-fixture.ts'

/** Seats of the rounds that are measured; the last is as many as there are accounts for. */
const SEATS = [
  [3, 2],
  [8, 4],
  [12, 6],
] as const
/** The draws' random word: which seats are drawn decides which storage is warm. */
const PREVRANDAO = 7

/** Name of a call -> gas of its transaction. */
export type GasTable = Readonly<Record<string, number>>

/** Plays tasks of several sizes, and measures. Takes about five seconds. */
export async function measureGas(): Promise<GasTable> {
  const { token, registry, vault, tasks } = await deploy()
  const [deployer, creator, ...nodes] = (await ethers.getSigners()) as [Account, Account, ...Account[]]
  const table: Record<string, number> = {}
  const measure = async (name: string, sent: Promise<ContractTransactionResponse>): Promise<void> => {
    const receipt = await (await sent).wait()
    // the first call of a name counts
    table[name] ??= Number(receipt?.gasUsed)
  }
  for (const account of [creator, ...nodes]) {
    await token.connect(deployer).transfer(account.address, 10_000n * TOKEN)
    await token.connect(account).approve(vault.target, ethers.MaxUint256)
  }
  await token.connect(creator).approve(tasks.target, ethers.MaxUint256)
  for (const node of nodes) {
    await measure(
      'register',
      register(registry, node).then(({ sent }) => sent),
    )
    await measure('deposit, first', vault.connect(node).deposit(STAKE))
  }
  await measure('deposit, again', vault.connect(nodes[0]).deposit(1n))

  let id = 0
  const play = async (proposerSeats: number, voterSeats: number, rounds: number, label: string): Promise<void> => {
    id++
    const of = (address: string): Account => nodes.find((node) => node.address === address) as Account
    const terms = { ...params, rounds, proposers: proposerSeats, voters: voterSeats, pool: 300n * TOKEN }
    await measure('createTask', tasks.connect(creator).createTask(terms))
    for (const node of nodes.slice(0, proposerSeats + voterSeats)) await measure('join', tasks.connect(node).join(id))
    for (let round = 1; round <= rounds; round++) {
      const name = `${label}${round === 1 ? '' : ', again'}`
      await networkHelpers.setPrevRandao(PREVRANDAO + round)
      await measure(`startRound, ${name}`, tasks.connect(creator).startRound(id))
      const view = await tasks.roundView(id, round)
      const proposers = view.proposers.map((s: { account: string }) => of(s.account)) as Account[]
      const voters = view.voters.map((s: { account: string }) => of(s.account)) as Account[]
      // the first pays for what all share, the last for the next phase
      const nth = (call: string, i: number, of: number): string =>
        i === 0 ? call : i < of - 1 ? `${call}, after the first` : `${call} that ends the phase`
      for (const [i, p] of proposers.entries()) {
        const commitment = deltaCommitment(id, round, p.address)
        await measure(nth('commit', i, proposers.length), tasks.connect(p).commit(id, round, commitment))
      }
      for (const [i, p] of proposers.entries()) {
        const d = delta(p.address)
        await measure(
          nth('reveal', i, proposers.length),
          tasks.connect(p).reveal(id, round, d.digest, d.size, d.base, salt(p.address)),
        )
      }
      const slice = SLICES[round - 1] as string
      await measure('revealProbe', tasks.connect(creator).revealProbe(id, round, slice, 77, proofOf(round)))
      const scores = pack(plainScores(proposers.length))
      for (const [i, v] of voters.entries()) {
        const commitment = scoresCommitment(id, round, v.address, scores)
        await measure(nth('commitScores', i, voters.length), tasks.connect(v).commitScores(id, round, commitment))
      }
      for (const [i, v] of voters.entries()) {
        const call = i < voters.length - 1 ? `revealScores, ${label}` : `revealScores that settles, ${name}`
        await measure(call, tasks.connect(v).revealScores(id, round, scores, salt(v.address)))
      }
    }
  }
  for (const [proposers, voters] of SEATS) await play(proposers, voters, 2, `${proposers} + ${voters} seats`)
  const [operator] = nodes as [Account]
  for (const node of nodes.slice(0, 5)) {
    await measure('setCommission, first', vault.connect(node).setCommission(1000))
    await measure('delegate, first', vault.connect(creator).delegate(node.address, STAKE, 1000))
  }
  await measure('delegate, again', vault.connect(creator).delegate(operator.address, STAKE, 1000))
  await play(3, 2, 2, '3 + 2 seats with delegators')
  // the dearest end of a round: all proposers committed, none revealed
  id++
  await tasks.connect(creator).createTask({ ...params, rounds: 1, proposers: 12, voters: 6, pool: TOKEN })
  for (const node of nodes) await tasks.connect(node).join(id)
  await networkHelpers.setPrevRandao(PREVRANDAO)
  await tasks.startRound(id)
  for (const { account } of (await tasks.roundView(id, 1)).proposers) {
    const proposer = nodes.find((node) => node.address === account) as Account
    await tasks.connect(proposer).commit(id, 1, deltaCommitment(id, 1, proposer.address))
  }
  await networkHelpers.time.increase(params.durations.reveal)
  await measure('advance that slashes twelve, 12 + 6 seats', tasks.connect(creator).advance(id))
  await measure('claim', tasks.connect(operator).claim())
  await measure('claimDelegation', vault.connect(creator).claimDelegation(operator.address))
  await measure('undelegate', vault.connect(creator).undelegate(operator.address, STAKE))
  await measure('requestWithdraw, enrolled', vault.connect(operator).requestWithdraw(1n))
  await measure('leave', tasks.connect(nodes[17]).leave(3))
  await networkHelpers.time.increase(2 * 7 * 24 * 3600)
  await measure('withdraw', vault.connect(creator).withdraw())
  await measureEmissions(measure, token, tasks, creator, operator)
  table['draw of 8 seats from 16,384 nodes, without what is stored of them'] = await measureDraw(8)
  return table
}

/** Leaves that one transaction fills. */
const LEAVES_AT_ONCE = 1024

/** @returns gas of a draw from a full tree, every slot cold */
async function measureDraw(seats: number): Promise<number> {
  const harness = await ethers.deployContract('SumTreeHarness')
  const capacity = Number(await harness.getFunction('capacity')())
  for (let from = 0; from < capacity; from += LEAVES_AT_ONCE)
    await harness.getFunction('fill')(from, LEAVES_AT_ONCE, { gasLimit: 16_000_000 })
  return Number(await harness.getFunction('draw').staticCall(salt('draw'), seats))
}

type Measure = (name: string, sent: Promise<ContractTransactionResponse>) => Promise<void>

/** Locks for two tasks, each call with time to emit for since the last one. */
async function measureEmissions(
  measure: Measure,
  token: Contracts['token'],
  tasks: Contracts['tasks'],
  creator: Account,
  other: Account,
): Promise<void> {
  const [deployer] = (await ethers.getSigners()) as [Account]
  const terms = { supply: 1000n * TOKEN, rate: 950_000, holderBps: 1000, fullWeight: 700n * TOKEN }
  const emissions = await ethers.deployContract('Emissions', [token.target, terms, [tasks.target]])
  await token.connect(deployer).approve(emissions.target, terms.supply)
  await emissions.getFunction('open')()
  const first = Number(await tasks.taskCount()) + 1
  for (const id of [first, first + 1]) {
    await tasks.connect(creator).createTask({ ...params, pool: TOKEN })
    await measure('fund', tasks.connect(creator).fund(id, TOKEN))
  }
  const act = async (account: Account, name: string, ...args: unknown[]) =>
    (await emissions
      .connect(account)
      .getFunction(name)
      .send(...args)) as ContractTransactionResponse
  for (const account of [creator, other]) await token.connect(account).approve(emissions.target, ethers.MaxUint256)
  await measure('lock, first for a task', act(creator, 'lock', 100n * TOKEN, 30, tasks.target, first))
  await networkHelpers.time.increase(86_400)
  await measure('lock', act(other, 'lock', 100n * TOKEN, 30, tasks.target, first))
  await networkHelpers.time.increase(86_400)
  await measure('direct', act(other, 'direct', 2, tasks.target, first + 1))
  await networkHelpers.time.increase(86_400)
  await measure('pull', act(other, 'pull', tasks.target, first))
  await measure('claim of emissions', act(other, 'claim'))
  await measure('unlock', act(other, 'unlock', 2))
  await networkHelpers.time.increase(30 * 86_400)
  await measure('withdraw of a lock', act(other, 'withdraw', 2))
  await measure('pull after thirty days', act(other, 'pull', tasks.target, first))
}
