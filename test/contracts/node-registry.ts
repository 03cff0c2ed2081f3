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
} from '../support/contracts-fixture.ts'

const FOREVER = 2n ** 63n

describe('NodeRegistry', () => {
  const setUp = async () => {
    const { registry } = await deploy()
    const [, a, b] = (await ethers.getSigners()) as [Account, Account, Account]
    return { registry, a, b }
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

  it('takes a newer statement and frees the old peer id', async () => {
    const { registry, a, b } = await networkHelpers.loadFixture(setUp)
    const old = await register(registry, a, 1n)
    const now = await register(registry, a, 5n)
    expect((await registry.nodeOf(a.address)).peerId).to.equal(now.peerId)
    expect(await registry.accountOf(ethers.keccak256(old.peerId))).to.equal(ethers.ZeroAddress)
    await register(registry, b, 1n, old)
    expect(await registry.accountOf(ethers.keccak256(old.peerId))).to.equal(b.address)
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
