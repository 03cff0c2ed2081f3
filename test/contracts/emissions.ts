import { expect } from 'chai'
import type { Account } from '../support/contracts-fixture.ts'
import { ethers, networkHelpers, params, STAKE, TOKEN, withNodes } from '../support/contracts-fixture.ts'
import { emissionCases } from '../support/emission-vectors.ts'

const DAY = 86_400
/** A tenth a day of a thousand tokens, all to tasks. */
const TERMS = { supply: 1000n * TOKEN, rate: 100_000_000, holderBps: 0, fullWeight: 100n * TOKEN * 7n }

/** `withNodes`, emissions that have begun, and two locks of equal weight: the creator's for task 1, a node's for task 2. */
async function withEmissions() {
  const world = await withNodes()
  const { token, tasks, deployer, creator, nodes } = world
  const contract = await ethers.deployContract('Emissions', [token.target, TERMS, [tasks.target]])
  await token.connect(deployer).approve(contract.target, TERMS.supply)
  await contract.getFunction('open')()
  await tasks.connect(creator).createTask(params)
  await tasks.connect(creator).createTask(params)
  const as = (account: Account, name: string, ...args: unknown[]) =>
    contract
      .connect(account)
      .getFunction(name)
      .send(...args)
  const lockers = [creator, nodes[0] as Account]
  for (const [i, locker] of lockers.entries()) {
    await token.connect(locker).approve(contract.target, ethers.MaxUint256)
    await as(locker, 'lock', 100n * TOKEN, 7, tasks.target, i + 1)
  }
  return { ...world, contract, as }
}

describe('emissions on chain', () => {
  const { steps, passed } = emissionCases()
  let harness: Awaited<ReturnType<typeof ethers.deployContract>>
  before(async () => {
    harness = await ethers.deployContract('EmissionHarness')
  })

  for (const { name, clock, step, rate, expected } of steps)
    it(name, async () => {
      const [after, amount] = await harness.getFunction('advance')({ ...clock, counted: 1n }, step, rate)
      const { left, given, position, day } = after
      expect({ clock: { left, given, position, day: Number(day) }, amount }).to.deep.equal(expected)
    })
  for (const { name, elapsed, weight, fullWeight, expected } of passed)
    it(name, async () => {
      expect(await harness.getFunction('passed')(elapsed, weight, fullWeight)).to.equal(expected)
    })

  it('reaches a task’s rounds through its pool, and nobody who deals with itself gets more than its weight', async () => {
    const { token, tasks, as, creator, nodes, stranger } = await networkHelpers.loadFixture(withEmissions)
    await networkHelpers.time.increase(DAY)
    for (const id of [1, 2]) await as(stranger, 'pull', tasks.target, id)
    const [own, others] = [(await tasks.taskView(1)).poolLeft, (await tasks.taskView(2)).poolLeft]
    // half of the day each, but for the seconds between the two
    expect(own - params.pool).to.be.closeTo(50n * TOKEN, TOKEN / 50n)
    expect(others).to.be.closeTo(own, TOKEN / 50n)
    expect(await tasks.granted(1)).to.equal(own - params.pool)
    // the creator closes its own task: what its weight had earned is burnt, and the other task's part is as large as before
    const before = await token.totalSupply()
    await tasks.connect(creator).cancel(1)
    expect(await tasks.claimable(creator.address)).to.equal(params.pool)
    expect(before - (await token.totalSupply())).to.equal(own - params.pool)
    await networkHelpers.time.increase(DAY)
    await as(nodes[0] as Account, 'pull', tasks.target, 2)
    expect((await tasks.taskView(2)).poolLeft - others).to.be.closeTo(45n * TOKEN, TOKEN / 50n)
  })

  it('begins once, for who has the supply; locks only for tasks of contracts that were named', async () => {
    const { as, deployer, stranger, creator, contract } = await networkHelpers.loadFixture(withEmissions)
    await expect(as(deployer, 'open')).to.be.revertedWithCustomError(contract, 'AlreadyOpened')
    const elsewhere = as(creator, 'lock', 1n, 7, stranger.address, 1)
    await expect(elsewhere).to.be.revertedWithCustomError(contract, 'TargetClosed')
    await expect(as(stranger, 'pull', stranger.address, 1)).to.be.revertedWithCustomError(contract, 'NothingToPull')
    await expect(as(stranger, 'claim')).to.be.revertedWithCustomError(contract, 'NothingEmitted')
    await expect(as(stranger, 'withdraw', 1)).to.be.revertedWithCustomError(contract, 'UnknownLock')
  })

  it('takes a permit', async () => {
    const { as, token, tasks, stranger, deployer, contract } = await networkHelpers.loadFixture(withEmissions)
    await token.connect(deployer).transfer(stranger.address, STAKE)
    const { chainId } = await ethers.provider.getNetwork()
    const domain = { name: 'Covey', version: '1', chainId, verifyingContract: String(token.target) }
    const fields = ['owner:address', 'spender:address', 'value:uint256', 'nonce:uint256', 'deadline:uint256']
    const Permit = fields.map((field) => {
      const [name, type] = field.split(':') as [string, string]
      return { name, type }
    })
    const value = {
      owner: stranger.address,
      spender: contract.target,
      value: STAKE,
      nonce: 0n,
      deadline: ethers.MaxUint256,
    }
    const { v, r, s } = ethers.Signature.from(await stranger.signTypedData(domain, { Permit }, value))
    await as(stranger, 'lockWithPermit', STAKE, 30, tasks.target, 2, ethers.MaxUint256, v, r, s)
    const [view] = await contract.getFunction('locksOf')(stranger.address)
    expect([view.lock.amount, view.lock.noticeDays, view.lock.target]).to.deep.equal([STAKE, 30n, 2n])
  })

  it('stands still when nobody calls it for longer than a call counts, and loses nothing', async () => {
    const { as, tasks, stranger, contract } = await networkHelpers.loadFixture(withEmissions)
    await networkHelpers.time.increase(1500 * DAY)
    const sent = await as(stranger, 'pull', tasks.target, 1)
    const { clock } = await contract.getFunction('emission')()
    expect(clock.day).to.equal(1000n)
    // a step of the loop for every day, and no more
    expect(Number((await sent.wait())?.gasUsed)).to.be.below(500_000)
  })
})

describe('a task’s pool', () => {
  it('takes more from anybody while it is open; what is left is returned by who gave it, others’ part burnt', async () => {
    const { tasks, token, creator, deployer, nodes } = await networkHelpers.loadFixture(withNodes)
    await tasks.connect(creator).createTask(params)
    await token.connect(deployer).approve(tasks.target, ethers.MaxUint256)
    await expect(tasks.connect(deployer).fund(1, 0)).to.be.revertedWithCustomError(tasks, 'BadParameter')
    await expect(tasks.connect(deployer).fund(2, 1)).to.be.revertedWithCustomError(tasks, 'UnknownTask')
    await expect(tasks.connect(deployer).fund(1, 100n * TOKEN))
      .to.emit(tasks, 'TaskFunded')
      .withArgs(1, deployer.address, 100n * TOKEN)
    expect(await tasks.isOpen(1)).to.equal(true)
    expect(await tasks.isOpen(2)).to.equal(false)
    // one round that pays nothing, but for two phases ended late
    for (const node of nodes) await tasks.connect(node).join(1)
    await tasks.startRound(1)
    await networkHelpers.time.increase(params.durations.train)
    await expect(tasks.connect(nodes[0] as Account).advance(1))
      .to.emit(tasks, 'KeeperPaid')
      .withArgs(1, 1, (nodes[0] as Account).address, (((400n * TOKEN) / 3n) * 20n) / 10_000n)
    const left = (await tasks.taskView(1)).poolLeft
    await networkHelpers.time.increase(8 * DAY)
    const supply = await token.totalSupply()
    await tasks.connect(creator).cancel(1)
    // its own 300 of 400
    expect(await tasks.claimable(creator.address)).to.equal((left * 3n) / 4n)
    expect(supply - (await token.totalSupply())).to.equal(left - (left * 3n) / 4n)
    expect(await tasks.isOpen(1)).to.equal(false)
    await expect(tasks.connect(deployer).fund(1, 1)).to.be.revertedWithCustomError(tasks, 'TaskClosed')
  })
})
