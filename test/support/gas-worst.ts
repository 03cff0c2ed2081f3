/** The dearest settlement that anybody can bring about: as many seats as there can be, all slashed or paid, all at the price of cold storage. */
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
  UNBONDING,
} from './contracts-fixture.ts'

const PROPOSERS = 32
const VOTERS = 16
/** As many as a node may wait in for seats: a slash has to reach its weights in all of them. */
const ENROLMENTS = 8
/** Votes that are so far off that they are slashed; less than a third, or nobody could tell. */
const LIARS = 5

const DAY = 86_400
/** As long as a round may be: stake that is asked back in each of its epochs is looked at by a slash. */
const durations = { train: 5 * DAY, reveal: DAY / 4, probe: DAY / 4, score: DAY / 4, tally: DAY / 4 }

/** @returns gas of the last voter's reveal, which settles */
export async function measureWorstSettlement(): Promise<number> {
  const { token, registry, vault, tasks } = await deploy()
  const [deployer, creator] = (await ethers.getSigners()) as [Account, Account]
  await token.transfer(creator.address, 100_000n * TOKEN)
  for (const contract of [tasks, vault]) await token.connect(creator).approve(contract.target, ethers.MaxUint256)
  // no spread excuses anybody: all deltas are harmful
  const rules = { ...params.rules, slashSpreadBps: 0 }
  const terms = { ...params, rules, durations, proposers: PROPOSERS, voters: VOTERS, pool: 100n * TOKEN }
  for (let i = 0; i < ENROLMENTS; i++) await tasks.connect(creator).createTask(terms)
  const nodes: Account[] = []
  for (let i = 0; i < PROPOSERS + VOTERS; i++) {
    const node = ethers.Wallet.createRandom().connect(ethers.provider) as unknown as Account
    await networkHelpers.setBalance(node.address, 10n ** 20n)
    await token.connect(deployer).transfer(node.address, 10n * STAKE)
    await token.connect(node).approve(vault.target, ethers.MaxUint256)
    await register(registry, node)
    await vault.connect(node).deposit(STAKE)
    await vault.connect(node).setCommission(1000)
    for (let id = 1; id <= ENROLMENTS; id++) await tasks.connect(node).join(id)
    nodes.push(node)
  }
  const backers = await delegators(token, vault, nodes)
  const of = (address: string): Account => nodes.find((node) => node.address === address) as Account
  await tasks.startRound(1)
  const view = await tasks.roundView(1, 1)
  const [proposers, voters] = [view.proposers, view.voters].map((seats) =>
    seats.map(({ account }: { account: string }) => of(account)),
  ) as [Account[], Account[]]
  // some stake leaves in every epoch of the round
  const epoch = Number(await vault.epochLength())
  for (let i = 0; i < 3; i++) {
    for (const node of nodes) await vault.connect(node).requestWithdraw(TOKEN)
    if (i < 2) await networkHelpers.time.increase(epoch)
  }
  // shares that still wait, behind those that begin to earn with this round
  for (const [i, node] of nodes.entries())
    await vault.connect(backers[i % backers.length] as Account).delegate(node.address, TOKEN, 5000)
  for (const p of proposers) await tasks.connect(p).commit(1, 1, deltaCommitment(1, 1, p.address))
  for (const p of proposers) {
    const d = delta(p.address)
    await tasks.connect(p).reveal(1, 1, d.digest, d.size, d.base, salt(p.address))
  }
  await tasks.connect(creator).revealProbe(1, 1, SLICES[0], 77, proofOf(1))
  const scores = voters.map((_, i) => pack(plainScores(proposers.length, i < LIARS ? 30_000 : -5_000)))
  for (const [i, v] of voters.entries())
    await tasks.connect(v).commitScores(1, 1, scoresCommitment(1, 1, v.address, scores[i] as string))
  let gas = 0n
  for (const [i, v] of voters.entries()) {
    const sent = await tasks.connect(v).revealScores(1, 1, scores[i], salt(v.address), { gasLimit: 16_000_000 })
    gas = (await sent.wait())?.gasUsed ?? 0n
  }
  const settled = await tasks.roundView(1, 1)
  const slashed = [...settled.proposers, ...settled.voters].filter((s: { slashBps: bigint }) => s.slashBps > 0n)
  if (!settled.settled || slashed.length !== PROPOSERS + LIARS)
    throw new Error(`expected ${PROPOSERS + LIARS} slashed seats, got ${slashed.length}`)
  return Number(gas)
}

/** Accounts with tokens, each of which delegates to a few of the nodes; UNBONDING is over before the round begins. */
async function delegators(
  token: Contracts['token'],
  vault: Contracts['vault'],
  nodes: readonly Account[],
): Promise<readonly Account[]> {
  const [deployer, , ...others] = (await ethers.getSigners()) as [Account, Account, ...Account[]]
  const some = others.slice(0, 4)
  for (const account of some) {
    await token.connect(deployer).transfer(account.address, 100n * STAKE)
    await token.connect(account).approve(vault.target, ethers.MaxUint256)
  }
  for (const [i, node] of nodes.entries())
    await vault.connect(some[i % some.length] as Account).delegate(node.address, STAKE, 5000)
  await networkHelpers.time.increase(UNBONDING)
  return some
}
