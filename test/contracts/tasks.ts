import { expect } from 'chai'
import { keeperFee, roundBudget } from '../../src/round/settlement.ts'
import {
  type Account,
  deployLibrary,
  ethers,
  networkHelpers,
  params,
  STAKE,
  type Tasks,
  TOKEN,
  UNBONDING,
  withNodes,
  withTask,
} from '../support/contracts-fixture.ts'

const WEEK = 7 * 24 * 3600

describe('CoveyTasks', () => {
  it('escrows the pool and shows the task as it was given', async () => {
    const { tasks, token, creator } = await networkHelpers.loadFixture(withNodes)
    await expect(tasks.connect(creator).createTask(params)).to.emit(tasks, 'TaskCreated')
    expect(await token.balanceOf(tasks.target)).to.equal(params.pool)
    const view = await tasks.taskView(1)
    expect([view.creator, view.status, view.phase, view.round, view.deadline]).to.deep.equal([
      creator.address,
      0n,
      0n,
      0n,
      0n,
    ])
    expect(view.params.toObject(true)).to.deep.include({
      specDigest: params.specDigest,
      probeRoot: params.probeRoot,
      rounds: 3n,
    })
    await expect(tasks.taskView(2)).to.be.revertedWithCustomError(tasks, 'UnknownTask')
    await expect(tasks.roundView(1, 1)).to.be.revertedWithCustomError(tasks, 'WrongRound')
  })

  it('names the parameter that is out of range', async () => {
    const { tasks, creator } = await networkHelpers.loadFixture(withNodes)
    const wrong: [string, object][] = [
      ['specDigest', { specDigest: ethers.ZeroHash }],
      ['pool', { pool: 0n }],
      ['minStake', { minStake: 1n }],
      ['rounds', { rounds: 0 }],
      ['proposers', { proposers: 33 }],
      ['voters', { voters: 0 }],
      ['tally', { durations: { ...params.durations, tally: 0 } }],
      ['slashBps', { rules: { ...params.rules, slashBps: 10_001 } }],
    ]
    for (const [name, change] of wrong) {
      const call = tasks.connect(creator).createTask({ ...params, ...change })
      await expect(call)
        .to.be.revertedWithCustomError(tasks, 'BadParameter')
        .withArgs(name, anything, anything, anything)
    }
    const long = { ...params, durations: { ...params.durations, train: UNBONDING } }
    await expect(tasks.connect(creator).createTask(long)).to.be.revertedWithCustomError(
      tasks,
      'RoundLongerThanUnbonding',
    )
  })

  it('refuses tasks while the vault does not obey it', async () => {
    const { token, registry, creator } = await networkHelpers.loadFixture(withNodes)
    const loose = await ethers.deployContract('StakeVault', [token.target, UNBONDING])
    const libraries = {
      TaskLimits: (await deployLibrary('TaskLimits')).target,
      RoundEnd: (await deployLibrary('RoundEnd')).target,
    }
    const other = (await ethers.deployContract('CoveyTasks', [token.target, registry.target, loose.target], {
      libraries,
    })) as unknown as Tasks
    await token.connect(creator).approve(other.target, ethers.MaxUint256)
    await expect(other.connect(creator).createTask(params)).to.be.revertedWithCustomError(other, 'VaultNotBound')
  })

  it('enrols registered nodes with enough stake, once, in at most eight tasks', async () => {
    const { tasks, vault, token, creator, nodes, stranger } = await networkHelpers.loadFixture(withNodes)
    const node = nodes[0] as Account
    for (let i = 0; i < 9; i++) await tasks.connect(creator).createTask({ ...params, pool: 1n })
    await token.transfer(stranger.address, STAKE)
    await expect(tasks.connect(stranger).join(1)).to.be.revertedWithCustomError(tasks, 'NotRegistered')
    await vault.connect(node).requestWithdraw(STAKE - 1n)
    await expect(tasks.connect(node).join(1)).to.be.revertedWithCustomError(tasks, 'StakeTooLow')
    await vault.connect(node).deposit(STAKE)
    for (let id = 1; id <= 8; id++) await tasks.connect(node).join(id)
    await expect(tasks.connect(node).join(8)).to.be.revertedWithCustomError(tasks, 'AlreadyEnrolled')
    await expect(tasks.connect(node).join(9)).to.be.revertedWithCustomError(tasks, 'TooManyEnrolments')
    // a closed task gives its place back
    await tasks.connect(creator).cancel(3)
    await tasks.connect(node).join(9)
    expect((await tasks.accountView(node.address)).enrolments.length).to.equal(8)
    await tasks.connect(node).leave(9)
    await expect(tasks.connect(node).leave(9)).to.be.revertedWithCustomError(tasks, 'NotEnrolled')
    expect(await tasks.isEnrolled(9, node.address)).to.equal(false)
    await tasks.connect(node).join(9)
    expect(await tasks.eligibleCount(9)).to.equal(1n)
    await expect(tasks.startRound(9)).to.be.revertedWithCustomError(tasks, 'NotEnoughNodes').withArgs(1n, 2n)
  })

  it('with few nodes there are few seats, never both for one', async () => {
    const { tasks, creator, nodes } = await networkHelpers.loadFixture(withNodes)
    for (const [n, proposers, voters] of [
      [2, 1, 1],
      [3, 2, 1],
      [4, 2, 2],
      [5, 3, 2],
    ] as const) {
      const id = (await tasks.taskCount()) + 1n
      await tasks.connect(creator).createTask({ ...params, pool: 1n })
      for (const node of nodes.slice(0, n)) await tasks.connect(node).join(id)
      await tasks.startRound(id)
      const view = await tasks.roundView(id, 1)
      expect([view.proposers.length, view.voters.length]).to.deep.equal([proposers, voters])
    }
  })

  it('is cancelled by its creator before the first round, or when it has long been idle', async () => {
    const { tasks, token, creator, nodes } = await networkHelpers.loadFixture(withTask)
    await expect(tasks.connect(nodes[0]).cancel(1)).to.be.revertedWithCustomError(tasks, 'NotCreator')
    await tasks.connect(creator).createTask(params)
    await tasks.connect(creator).cancel(2)
    expect(await tasks.claimable(creator.address)).to.equal(params.pool)
    await expect(tasks.connect(creator).cancel(2)).to.be.revertedWithCustomError(tasks, 'TaskClosed')
    await tasks.startRound(1)
    await expect(tasks.connect(creator).cancel(1)).to.be.revertedWithCustomError(tasks, 'WrongPhase')
    await networkHelpers.time.increase(params.durations.train)
    // not by the creator: the keeper's fee would be its own
    await tasks.connect(nodes[0]).advance(1)
    const fee = await tasks.claimable(nodes[0]?.address)
    expect(fee).to.equal(keeperFee(roundBudget(params.pool, params.rounds, 1)))
    await expect(tasks.connect(creator).cancel(1)).to.be.revertedWithCustomError(tasks, 'NotCancellable')
    await networkHelpers.time.increase(WEEK)
    await tasks.connect(creator).cancel(1)
    await tasks.connect(creator).claim()
    expect(await token.balanceOf(creator.address)).to.equal(10_000n * TOKEN - fee)
    expect(await token.balanceOf(tasks.target)).to.equal(fee)
  })
})

function anything(): boolean {
  return true
}
