import { expect } from 'chai'
import {
  ethers,
  networkHelpers,
  params,
  STAKE,
  TOKEN,
  UNBONDING,
  type Vault,
  withNodes,
  withTask,
} from '../support/contracts-fixture.ts'

describe('StakeVault', () => {
  it('holds, unbonds and returns stake', async () => {
    const { vault, token, nodes } = await networkHelpers.loadFixture(withNodes)
    const [node] = nodes as [(typeof nodes)[number]]
    const mine = vault.connect(node)
    await expect(mine.withdraw()).to.be.revertedWithCustomError(vault, 'NothingUnbonding')
    await expect(mine.requestWithdraw(STAKE + 1n)).to.be.revertedWithCustomError(vault, 'InsufficientStake')
    await mine.requestWithdraw(STAKE / 4n)
    expect(await vault.stakeOf(node.address)).to.equal((STAKE * 3n) / 4n)
    await expect(mine.withdraw()).to.be.revertedWithCustomError(vault, 'StillUnbonding')
    await networkHelpers.time.increase(UNBONDING / 2)
    // each request has its own time: the first is free before the second
    await mine.requestWithdraw(STAKE / 8n)
    const [first, second] = await vault.unbondings(node.address)
    expect([first.amount, second.amount]).to.deep.equal([STAKE / 4n, STAKE / 8n])
    expect(await vault.unbondsAt(node.address)).to.equal(second.unbondsAt)
    await networkHelpers.time.setNextBlockTimestamp(first.unbondsAt - 1n)
    await expect(mine.withdraw()).to.be.revertedWithCustomError(vault, 'StillUnbonding').withArgs(first.unbondsAt)
    await networkHelpers.time.setNextBlockTimestamp(first.unbondsAt)
    const wallet = await token.balanceOf(node.address)
    await mine.withdraw()
    expect(await token.balanceOf(node.address)).to.equal(wallet + STAKE / 4n)
    await networkHelpers.time.setNextBlockTimestamp(second.unbondsAt)
    await mine.withdraw()
    expect(await token.balanceOf(node.address)).to.equal(wallet + STAKE / 4n + STAKE / 8n)
    expect([await vault.unbondingOf(node.address), await vault.unbondsAt(node.address)]).to.deep.equal([0n, 0n])
  })

  it('takes a permit, also when somebody has sent it ahead', async () => {
    const { vault, token, nodes, stranger } = await networkHelpers.loadFixture(withNodes)
    const [node] = nodes as [(typeof nodes)[number]]
    await token.connect(node).approve(vault.target, 0n)
    const { chainId } = await ethers.provider.getNetwork()
    const domain = { name: 'Covey', version: '1', chainId, verifyingContract: String(token.target) }
    const types = {
      Permit: ['owner:address', 'spender:address', 'value:uint256', 'nonce:uint256', 'deadline:uint256'].map(
        (field) => {
          const [name, type] = field.split(':') as [string, string]
          return { name, type }
        },
      ),
    }
    const value = { owner: node.address, spender: vault.target, value: TOKEN, nonce: 0n, deadline: ethers.MaxUint256 }
    const { v, r, s } = ethers.Signature.from(await node.signTypedData(domain, types, value))
    await token.connect(stranger).permit(node.address, vault.target, TOKEN, ethers.MaxUint256, v, r, s)
    await vault.connect(node).depositWithPermit(TOKEN, ethers.MaxUint256, v, r, s)
    expect(await vault.stakeOf(node.address)).to.equal(STAKE + TOKEN)
  })

  it('is bound once, by its deployer, and lets nobody else slash', async () => {
    const { vault, tasks, nodes, stranger, token } = await networkHelpers.loadFixture(withNodes)
    await expect(vault.bind(stranger.address, stranger.address)).to.be.revertedWithCustomError(vault, 'AlreadyBound')
    await expect(vault.connect(stranger).bind(tasks.target, ethers.ZeroAddress)).to.be.revertedWithCustomError(
      vault,
      'NotDeployer',
    )
    for (const caller of [stranger, nodes[0]]) {
      const slash = vault.connect(caller).slash(nodes[1]?.address, 1n, STAKE, 0n)
      await expect(slash).to.be.revertedWithCustomError(vault, 'NotTasks')
    }
    const loose = (await ethers.deployContract('StakeVault', [token.target, UNBONDING])) as unknown as Vault
    await expect(loose.slash(stranger.address, 1n, STAKE, 0n)).to.be.revertedWithCustomError(loose, 'NotTasks')
  })

  it('a listener that fails does not hold stake back', async () => {
    const { token, nodes } = await networkHelpers.loadFixture(withNodes)
    const [node] = nodes as [(typeof nodes)[number]]
    const vault = (await ethers.deployContract('StakeVault', [token.target, 1])) as unknown as Vault
    // the token has no onStakeChanged: every notification reverts
    await vault.bind(token.target, ethers.ZeroAddress)
    await token.connect(node).approve(vault.target, STAKE)
    await vault.connect(node).deposit(STAKE)
    await vault.connect(node).requestWithdraw(STAKE)
    await networkHelpers.time.increase(3)
    await vault.connect(node).withdraw()
    expect(await vault.stakeOf(node.address)).to.equal(0n)
  })

  it('a withdrawal with too little gas for the weights to follow is refused', async () => {
    const { vault, tasks, nodes, creator } = await networkHelpers.loadFixture(withTask)
    const [node] = nodes as [(typeof nodes)[number]]
    const starved = vault.connect(node).requestWithdraw(STAKE, { gasLimit: 900_000 })
    await expect(starved).to.be.revertedWithCustomError(vault, 'NotEnoughGas')
    // the most work there can be: eight enrolments, all weights from nothing
    for (let id = 2; id <= 8; id++) {
      await tasks.connect(creator).createTask({ ...params, pool: 1n })
      await tasks.connect(node).join(id)
    }
    await vault.connect(node).requestWithdraw(STAKE)
    for (let id = 1; id <= 8; id++) expect(await tasks.eligibleCount(id)).to.equal(id === 1 ? 5n : 0n)
    await vault.connect(node).deposit(STAKE)
    for (let id = 1; id <= 8; id++) expect(await tasks.eligibleCount(id)).to.equal(id === 1 ? 6n : 1n)
  })
})
