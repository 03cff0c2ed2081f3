import { expect } from 'chai'
import type { Interface, TransactionReceipt } from 'ethers'
import fc from 'fast-check'
import {
  type Account,
  delta,
  deltaCommitment,
  ethers,
  networkHelpers,
  pack,
  plainScores,
  proofOf,
  SLICES,
  STAKE,
  salt,
  scoresCommitment,
  seatsOf,
  TOKEN,
  withNodes,
  withTask,
} from '../support/contracts-fixture.ts'
import {
  anyScenario,
  delegationCases,
  NAMES,
  type Name,
  type Outcome,
  runInMemory,
  type Standing,
  type Step,
  standing,
  UNBONDING_SECONDS,
} from '../support/delegation-scenario.ts'

const MAX = ethers.MaxUint256
const REWARDS = 10n ** 24n

/** A vault of its own whose tasks contract is played by the test, and four accounts with money. */
async function openVault() {
  const { token, tasks, deployer, nodes } = await withNodes()
  const contract = await ethers.deployContract('StakeVault', [token.target, UNBONDING_SECONDS])
  await contract.getFunction('bind')(tasks.target, ethers.ZeroAddress)
  await networkHelpers.impersonateAccount(String(tasks.target))
  await networkHelpers.setBalance(String(tasks.target), 10n ** 20n)
  const accounts = Object.fromEntries(NAMES.map((name, i) => [name, nodes[i]])) as Record<Name, Account>
  for (const account of Object.values(accounts)) {
    await token.transfer(account.address, 10n ** 24n)
    await token.connect(account).approve(contract.target, MAX)
  }
  // out of which rewards come: the tasks contract would send each
  await token.transfer(contract.target, REWARDS)
  return { contract, token, deployer, accounts, tasks: await ethers.getSigner(String(tasks.target)) }
}

type World = Awaited<ReturnType<typeof openVault>>

function event(iface: Interface, receipt: TransactionReceipt, name: string, field: string): bigint | null {
  for (const log of receipt.logs) {
    const parsed = iface.parseLog(log)
    if (parsed?.name === name) return parsed.args[field] as bigint
  }
  return null
}

async function runOnChain(world: World, steps: readonly Step[]): Promise<Outcome> {
  const { contract, accounts, tasks } = world
  const length = Number(await contract.getFunction('epochLength')())
  const start = (Math.floor((await networkHelpers.time.latest()) / length) + 2) * length
  const of = (name: Name): string => accounts[name].address
  const nameOf = (address: string): Name => NAMES.find((name) => of(name) === address) as Name

  const call = (step: Step): [Account, string, unknown[]] => {
    switch (step.op) {
      case 'deposit':
      case 'requestWithdraw':
        return [accounts[step.by], step.op, [step.amount]]
      case 'withdraw':
      case 'closeDelegation':
        return [accounts[step.by], step.op, []]
      case 'setCommission':
        return [accounts[step.by], step.op, [step.bps]]
      case 'delegate':
        return [accounts[step.by], step.op, [of(step.to), step.amount, step.most]]
      case 'undelegate':
        return [accounts[step.by], step.op, [of(step.to), step.amount ?? MAX]]
      case 'claimDelegation':
        return [accounts[step.by], step.op, [of(step.to)]]
      case 'reward':
        return [tasks, step.op, [of(step.to), step.amount, step.weight, start + step.drawnAt]]
      case 'slash':
        return [tasks, step.op, [of(step.to), step.bps, step.weight, start + step.drawnAt]]
    }
  }
  const moved: Partial<Record<Step['op'], readonly [string, string]>> = {
    withdraw: ['Withdrawn', 'amount'],
    claimDelegation: ['DelegationClaimed', 'amount'],
    reward: ['DelegatorsRewarded', 'amount'],
    slash: ['Slashed', 'amount'],
  }
  const results: (bigint | string | null)[] = []
  for (const step of steps) {
    const [from, name, args] = call(step)
    await networkHelpers.time.setNextBlockTimestamp(start + step.at)
    try {
      const tx = await contract.connect(from).getFunction(name)(...args)
      const receipt = (await tx.wait()) as TransactionReceipt
      const [event_, field] = moved[step.op] ?? []
      const amount = event_ === undefined ? null : event(contract.interface, receipt, event_, field as string)
      results.push(step.op === 'reward' ? (amount ?? 0n) : amount)
    } catch (error) {
      const { data } = error as { data?: string }
      const parsed = data === undefined ? null : contract.interface.parseError(data)
      if (parsed === null) throw error
      results.push(parsed.name)
    }
  }
  const view = async (name: string, ...args: unknown[]) => contract.getFunction(name)(...args)
  const after: [Name, Standing][] = []
  for (const name of NAMES) {
    const operator = await view('operatorView', of(name))
    const [, weight] = await view('stakeAndWeight', of(name))
    const delegations = (await view('delegations', of(name))) as { operator: string; [key: string]: unknown }[]
    const unbondings = (await view('unbondings', of(name))) as { operator: string; [key: string]: unknown }[]
    const expected = standing({
      stake: operator.stake,
      weight,
      delegated: operator.delegated,
      commissionBps: Number(operator.commissionBps),
      nextCommissionBps: operator.nextCommissionAt === 0n ? null : Number(operator.nextCommissionBps),
      slashed: await view('slashedOf', of(name)),
      delegations: delegations.map((d) => [
        nameOf(d.operator),
        d.amount as bigint,
        d.shares as bigint,
        d.rewards as bigint,
      ]),
      unbondings: unbondings.map((u) => [Number(u.unbondsAt) - start, nameOf(u.operator), u.amount as bigint]),
    })
    after.push([name, expected])
  }
  return { steps: results, after: Object.fromEntries(after) as Record<Name, Standing> }
}

/** Everything that the vault owes to somebody, wei. */
const owed = ({ after }: Outcome): bigint =>
  Object.values(after).reduce(
    (sum, s) =>
      sum +
      s.stake +
      s.delegations.reduce((part, [, amount, , rewards]) => part + amount + rewards, 0n) +
      s.unbondings.reduce((part, [, , amount]) => part + amount, 0n),
    0n,
  )

describe('delegation in the vault', () => {
  for (const { name, steps, expected } of delegationCases()) {
    it(name, async () => {
      const world = await networkHelpers.loadFixture(openVault)
      expect(await runOnChain(world, steps)).to.deep.equal(expected)
    })
  }

  it('agrees with the vault in memory on any calls, and holds what it owes, but for dust', async () => {
    await fc.assert(
      fc.asyncProperty(anyScenario, async (steps) => {
        const world = await networkHelpers.loadFixture(openVault)
        const outcome = await runOnChain(world, steps)
        expect(outcome).to.deep.equal(runInMemory(steps))
        const rewarded = steps.reduce(
          (sum, { op }, i) => (op === 'reward' ? sum + BigInt(outcome.steps[i] ?? 0) : sum),
          0n,
        )
        const held = BigInt(await world.token.balanceOf(world.contract.target)) - (REWARDS - rewarded)
        const dust = held - owed(outcome)
        expect(dust >= 0n && dust <= 3n * BigInt(steps.length), `dust ${dust}`).to.equal(true)
      }),
      { seed: 41, numRuns: 40 },
    )
  })

  it('keeps lists short, and everything in them within reach', async () => {
    const { contract, token, deployer, accounts } = await networkHelpers.loadFixture(openVault)
    const signers = (await ethers.getSigners()).slice(0, 18) as Account[]
    const me = accounts.ann
    const operators = signers.filter((s) => s.address !== me.address).slice(0, 17)
    for (const operator of operators) {
      await token.connect(deployer).transfer(operator.address, 100n)
      await token.connect(operator).approve(contract.target, MAX)
      await contract.connect(operator).getFunction('deposit')(100n)
      await contract.connect(operator).getFunction('setCommission')(0)
    }
    const to = (operator: Account) => contract.connect(me).getFunction('delegate')(operator.address, 10n, 0)
    for (const operator of operators.slice(0, 16)) await to(operator)
    await expect(to(operators[16] as Account)).to.be.revertedWithCustomError(contract, 'TooManyDelegations')
    const back = (operator: Account) => contract.connect(me).getFunction('undelegate')(operator.address, MAX)
    for (const operator of operators.slice(0, 16)) await back(operator)
    await to(operators[16] as Account)
    await expect(back(operators[16] as Account)).to.be.revertedWithCustomError(contract, 'TooManyUnbonding')
    await networkHelpers.time.increase(2 * UNBONDING_SECONDS)
    const before = await token.balanceOf(me.address)
    await contract.connect(me).getFunction('withdraw')()
    expect(await token.balanceOf(me.address)).to.equal(before + 160n)
    await back(operators[16] as Account)
    expect(await contract.getFunction('operatorCount')()).to.equal(17n)
    const page = await contract.getFunction('operators')(15, 10)
    expect(page.length).to.equal(2)
    expect((await contract.getFunction('operators')(99, 10)).length).to.equal(0)
  })

  it('rewards and slashes only for the tasks contract', async () => {
    const { contract, accounts } = await networkHelpers.loadFixture(openVault)
    const reward = contract.connect(accounts.ann).getFunction('reward')(accounts.ann.address, 5n, 1n, 1n)
    await expect(reward).to.be.revertedWithCustomError(contract, 'NotTasks')
  })

  it('takes a permit', async () => {
    const { contract, token, accounts } = await networkHelpers.loadFixture(openVault)
    const { ann, cem } = accounts
    await contract.connect(ann).getFunction('deposit')(100n)
    await contract.connect(ann).getFunction('setCommission')(0)
    await token.connect(cem).approve(contract.target, 0n)
    const { chainId } = await ethers.provider.getNetwork()
    const domain = { name: 'Covey', version: '1', chainId, verifyingContract: String(token.target) }
    const fields = ['owner:address', 'spender:address', 'value:uint256', 'nonce:uint256', 'deadline:uint256']
    const Permit = fields.map((field) => {
      const [name, type] = field.split(':') as [string, string]
      return { name, type }
    })
    const nonce = await token.nonces(cem.address)
    const value = { owner: cem.address, spender: contract.target, value: 9n, nonce, deadline: MAX }
    const { v, r, s } = ethers.Signature.from(await cem.signTypedData(domain, { Permit }, value))
    await contract.connect(cem).getFunction('delegateWithPermit')(ann.address, 9n, 0, MAX, v, r, s)
    expect((await contract.getFunction('operatorView')(ann.address)).delegated).to.equal(9n)
  })
})

describe('delegation in a round', () => {
  /** `withTask`, and a stranger who delegates three times its stake to the first node. */
  async function withDelegator() {
    const world = await withTask()
    const { token, vault, nodes, stranger } = world
    const operator = nodes[0] as Account
    await token.transfer(stranger.address, 1_000n * TOKEN)
    await token.connect(stranger).approve(vault.target, MAX)
    await vault.connect(operator).setCommission(1000)
    await vault.connect(stranger).delegate(operator.address, 3n * STAKE, 1000)
    return { ...world, operator, delegator: stranger }
  }

  it('is drawn by own and delegated stake; the delegated part of the reward moves to the vault', async () => {
    const world = await networkHelpers.loadFixture(withDelegator)
    const { tasks, vault, token, operator, delegator } = world
    await drawProposer(world, operator)
    const view = await tasks.roundView(1, 1)
    const seat = view.proposers.find((s: { account: string }) => s.account === operator.address)
    expect(seat.weight).to.equal(4n * STAKE)
    const vaultBefore = await token.balanceOf(vault.target)
    await playRound(world)
    const settled = await tasks.roundView(1, 1)
    const paid = ([...settled.proposers, ...settled.voters] as { account: string; paid: bigint }[]).find(
      (s) => s.account === operator.address,
    )?.paid as bigint
    expect(paid > 0n).to.equal(true)
    // three quarters, less a tenth
    const forDelegators = (((paid * 3n) / 4n) * 9n) / 10n
    expect(await tasks.claimable(operator.address)).to.equal(paid - forDelegators)
    expect(await token.balanceOf(vault.target)).to.equal(vaultBefore + forDelegators)
    const [delegation] = await vault.delegations(delegator.address)
    expect(delegation.rewards).to.be.within(forDelegators - 1n, forDelegators)
    const wallet = await token.balanceOf(delegator.address)
    await vault.connect(delegator).claimDelegation(operator.address)
    expect(await token.balanceOf(delegator.address)).to.equal(wallet + delegation.rewards)
    const again = vault.connect(delegator).claimDelegation(operator.address)
    await expect(again).to.be.revertedWithCustomError(vault, 'NothingToClaimFrom')
  })

  it('is slashed with the operator, by the stake at the draw, also when it was asked back meanwhile', async () => {
    const world = await networkHelpers.loadFixture(withDelegator)
    const { tasks, vault, token, operator, delegator } = world
    await drawProposer(world, operator)
    const { proposers } = await seatsOf(world, 1)
    // commits, never reveals: loses faultBps, 1 %
    for (const p of proposers) await tasks.connect(p).commit(1, 1, ethers.id('x'))
    await vault.connect(delegator).undelegate(operator.address, STAKE)
    await token.transfer(operator.address, 100n * STAKE)
    await vault.connect(operator).deposit(96n * STAKE)
    const supply = await token.totalSupply()
    await networkHelpers.time.increase(100)
    await tasks.advance(1)
    expect(await vault.slashedOf(operator.address)).to.be.within((4n * STAKE) / 100n - 3n, (4n * STAKE) / 100n)
    // every proposer was silent at the reveal
    const others = BigInt(proposers.length - 1) * (STAKE / 100n)
    expect(supply - (await token.totalSupply())).to.be.within(
      others + (4n * STAKE) / 100n - 3n,
      others + (4n * STAKE) / 100n,
    )
    const [unbonding] = await vault.unbondings(delegator.address)
    expect(unbonding.amount).to.be.below(STAKE)
    expect([unbonding.operator, unbonding.amount > 0n]).to.deep.equal([operator.address, true])
  })

  it('does not stand in for the own stake that a task asks for', async () => {
    const { tasks, vault, operator } = await networkHelpers.loadFixture(withDelegator)
    expect(await tasks.eligibleCount(1)).to.equal(6n)
    // 40 of its own is below minStake 50, with 300 delegated
    await vault.connect(operator).requestWithdraw(60n * TOKEN)
    expect(await tasks.eligibleCount(1)).to.equal(5n)
  })
})

/** Starts round 1 with a random word that gives `node` a proposer's seat. */
async function drawProposer(world: Awaited<ReturnType<typeof withTask>>, node: Account): Promise<void> {
  for (let word = 1; word < 100; word++) {
    const snapshot = await networkHelpers.takeSnapshot()
    await networkHelpers.setPrevRandao(word)
    await world.tasks.startRound(1)
    const { proposers } = await seatsOf(world, 1)
    if (proposers.some((p) => p.address === node.address)) return
    await snapshot.restore()
  }
  throw new Error('expected a draw with the node among the proposers in a hundred')
}

/** Round 1 to its end, everybody honest. */
async function playRound(world: Awaited<ReturnType<typeof withTask>>): Promise<void> {
  const { tasks, creator } = world
  const { proposers, voters } = await seatsOf(world, 1)
  for (const p of proposers) await tasks.connect(p).commit(1, 1, deltaCommitment(1, 1, p.address))
  for (const p of proposers) {
    const d = delta(p.address)
    await tasks.connect(p).reveal(1, 1, d.digest, d.size, d.base, salt(p.address))
  }
  await tasks.connect(creator).revealProbe(1, 1, SLICES[0], 77, proofOf(1))
  const scores = pack(plainScores(proposers.length))
  for (const v of voters) await tasks.connect(v).commitScores(1, 1, scoresCommitment(1, 1, v.address, scores))
  for (const v of voters) await tasks.connect(v).revealScores(1, 1, scores, salt(v.address))
}
