import { verify } from 'node:crypto'
import { expect } from 'chai'
import {
  type Account,
  deploy,
  ethers,
  networkHelpers,
  peerKey,
  register,
  signBinding,
  UNBONDING,
} from '../support/contracts-fixture.ts'

const FOREVER = 2n ** 63n

describe('NodeRegistry', () => {
  const setUp = async () => {
    const { registry, vault, token } = await deploy()
    const [, a, b] = (await ethers.getSigners()) as [Account, Account, Account]
    return { registry, vault, token, a, b }
  }

  it('binds an account to a peer id; the stored peer signature verifies outside', async () => {
    const { registry, a } = await networkHelpers.loadFixture(setUp)
    const { peerId, publicKey, digest } = await register(registry, a)
    const node = await registry.nodeOf(a.address)
    expect([node.peerId, node.bindingDigest, node.nonce]).to.deep.equal([peerId, digest, 1n])
    expect(verify(null, ethers.getBytes(node.bindingDigest), publicKey, ethers.getBytes(node.peerSignature))).to.equal(
      true,
    )
    expect(await registry.accountOf(ethers.keccak256(peerId))).to.equal(a.address)
    expect(await registry.isRegistered(a.address)).to.equal(true)
  })

  it('the digest is the one that wallets sign (EIP-712)', async () => {
    const { registry, a } = await networkHelpers.loadFixture(setUp)
    const { peerId } = peerKey()
    const signature = await signBinding(registry, a, peerId, 9n)
    const digest = await registry.bindingDigest(peerId, a.address, 9n, FOREVER)
    expect(ethers.recoverAddress(digest, signature)).to.equal(a.address)
  })

  it('takes a newer statement, and refuses the old peer id for ever', async () => {
    const { registry, a, b } = await networkHelpers.loadFixture(setUp)
    const old = await register(registry, a, 1n)
    const now = await register(registry, a, 5n)
    expect((await registry.nodeOf(a.address)).peerId).to.equal(now.peerId)
    expect(await registry.accountOf(ethers.keccak256(old.peerId))).to.equal(ethers.ZeroAddress)
    expect(await registry.isRetired(ethers.keccak256(old.peerId))).to.equal(true)
    for (const [account, nonce] of [
      [a, 6n],
      [b, 1n],
    ] as const)
      await expect(register(registry, account, nonce, old).then(({ sent }) => sent)).to.be.revertedWithCustomError(
        registry,
        'PeerIdIsRetired',
      )
    // the same pair again, newer, is no rotation
    await register(registry, a, 7n, now)
    expect(await registry.isRetired(ethers.keccak256(now.peerId))).to.equal(false)
  })

  it('keeps what an operator says of itself, within caps', async () => {
    const { registry, a } = await networkHelpers.loadFixture(setUp)
    const say = (...texts: string[]) => registry.connect(a).setMetadata(...texts)
    await expect(say('n', 'u', 'c')).to.be.revertedWithCustomError(registry, 'NotBound')
    await register(registry, a)
    await say('Ann’s node', 'https://ann.example', 'ann@ann.example')
    expect([...(await registry.metadataOf(a.address))]).to.deep.equal([
      'Ann’s node',
      'https://ann.example',
      'ann@ann.example',
    ])
    await say('x'.repeat(64), 'x'.repeat(128), 'x'.repeat(128))
    for (const texts of [
      ['x'.repeat(65), '', ''],
      ['', 'x'.repeat(129), ''],
      ['', '', 'é'.repeat(65)],
    ])
      await expect(say(...texts)).to.be.revertedWithCustomError(registry, 'MetadataTooLong')
  })

  it('lets go who has nothing at stake any more, and takes no old statement after that', async () => {
    const { registry, vault, token, a } = await networkHelpers.loadFixture(setUp)
    const exit = () => registry.connect(a).exit()
    await expect(exit()).to.be.revertedWithCustomError(registry, 'NotBound')
    const key = peerKey()
    const old = await signBinding(registry, a, key.peerId, 1n)
    await registry.register(a.address, key.peerId, 1n, FOREVER, old, new Uint8Array(64))
    await registry.connect(a).setMetadata('n', 'u', 'c')
    await token.transfer(a.address, 10n)
    await token.connect(a).approve(vault.target, 10n)
    await vault.connect(a).deposit(10n)
    await expect(exit()).to.be.revertedWithCustomError(registry, 'StakeStands').withArgs(10n, 0n)
    await vault.connect(a).requestWithdraw(10n)
    await expect(exit()).to.be.revertedWithCustomError(registry, 'StakeStands').withArgs(0n, 10n)
    await networkHelpers.time.increase(2 * UNBONDING)
    await vault.connect(a).withdraw()
    await expect(exit()).to.emit(registry, 'NodeExited').withArgs(a.address)
    expect([await registry.isRegistered(a.address), (await registry.metadataOf(a.address)).name]).to.deep.equal([
      false,
      '',
    ])
    expect(await registry.accountOf(ethers.keccak256(key.peerId))).to.equal(ethers.ZeroAddress)
    const again = registry.register(a.address, key.peerId, 1n, FOREVER, old, new Uint8Array(64))
    await expect(again).to.be.revertedWithCustomError(registry, 'NonceNotNewer')
    await register(registry, a, 2n)
    expect(await registry.isRegistered(a.address)).to.equal(true)
  })

  it('refuses replays, taken peer ids, foreign signatures, late and mis-shaped statements', async () => {
    const { registry, a, b } = await networkHelpers.loadFixture(setUp)
    const key = await register(registry, a, 3n)
    const refused = async (
      reason: string,
      from: Account,
      peerId: string,
      nonce: bigint,
      expiry: bigint,
      signer = from,
      bytes = 64,
    ) => {
      const signature = await signBinding(registry, signer, peerId, nonce, expiry)
      const call = registry.register(
        from.address,
        peerId,
        nonce,
        expiry,
        signature,
        ethers.hexlify(new Uint8Array(bytes)),
      )
      await expect(call).to.be.revertedWithCustomError(registry, reason)
    }
    const other = peerKey().peerId
    await refused('NonceNotNewer', a, key.peerId, 3n, FOREVER)
    await refused('NonceNotNewer', a, other, 2n, FOREVER)
    await refused('PeerIdTaken', b, key.peerId, 1n, FOREVER)
    await refused('BadAccountSignature', b, other, 1n, FOREVER, a)
    await refused('BindingExpired', b, other, 1n, BigInt(await networkHelpers.time.latest()))
    await refused('BadPeerSignatureLength', b, other, 1n, FOREVER, b, 63)
    await refused('BadPeerIdLength', b, '0x', 1n, FOREVER)
    await refused('BadPeerIdLength', b, ethers.hexlify(new Uint8Array(65)), 1n, FOREVER)
  })
})
