import { expect } from 'chai'
import { keccak256, Transaction, toUtf8Bytes, verifyTypedData } from 'ethers'
import { openExternalSigner } from '../../../src/ledger/keys/external-signer.ts'
import type { Address, Hex } from '../../../src/types/ledger.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { startTestChain, TEST_CHAIN_ID, type TestChain, testSigner } from '../../support/ledger-anvil.ts'
import { type SignerServer, startSignerServer } from '../../support/signer-server.ts'

const key = keccak256(toUtf8Bytes('held elsewhere')) as Hex
const account = testSigner('held elsewhere').address
const typed = {
  domain: { name: 'X', version: '1', chainId: 31_337n, verifyingContract: account },
  types: { Permit: [{ name: 'value', type: 'uint256' }] },
  value: { value: 5n },
}
const transaction = (nonce: number) => ({
  type: 2,
  chainId: TEST_CHAIN_ID,
  nonce,
  to: testSigner('target').address,
  data: '0x1234',
  value: 0n,
  gasLimit: 50_000n,
  maxFeePerGas: 3_000_000_000n,
  maxPriorityFeePerGas: 1_000_000_000n,
})

describe('external signer', () => {
  let world: TestChain
  let server: SignerServer
  const sends: number[] = []
  before(async () => {
    world = await startTestChain(['held elsewhere'])
    server = await startSignerServer(key, world.chain.url)
  })
  after(async () => {
    await server.close()
    await world.remove()
  })
  beforeEach(() => {
    server.mode = 'sign'
    server.asked.length = 0
    sends.length = 0
  })
  const open = (change: { account?: Address } = {}) =>
    openExternalSigner({
      url: server.url,
      account: change.account ?? null,
      lookUp: (hash) => world.chain.admin('eth_getTransactionByHash', [hash]),
      onSend: async (nonce) => void sends.push(nonce),
    })

  for (const mode of ['sign', 'clef'] as const) {
    it(`signs transactions and typed data, by the names of ${mode === 'clef' ? 'Clef' : 'eth_*'}`, async () => {
      server.mode = mode
      const signer = await open()
      expect(signer.address).to.equal(account)
      const signed = Transaction.from(await signer.signTransaction(transaction(7)))
      expect([signed.from, signed.nonce, signed.data]).to.deep.equal([account, 7, '0x1234'])
      const signature = await signer.signTypedData(typed)
      expect(verifyTypedData(typed.domain, typed.types, typed.value, signature)).to.equal(account)
      expect(server.asked).not.to.include('eth_sendTransaction')
      expect(sends).to.deep.equal([])
    })
  }

  it('takes one that only sends: says so before, and gives back the very bytes that are on chain', async () => {
    server.mode = 'send'
    const signer = await open()
    const nonce = Number(await world.chain.admin('eth_getTransactionCount', [account, 'latest']))
    const raw = await signer.signTransaction(transaction(nonce))
    expect(sends).to.deep.equal([nonce])
    const onChain = (await world.chain.admin('eth_getTransactionByHash', [keccak256(raw)])) as { from: string }
    expect(onChain.from.toLowerCase()).to.equal(account.toLowerCase())
  })

  it('believes nothing that it was not asked for', async () => {
    const signer = await open()
    server.mode = 'lies'
    expect(String(await expectRejects(() => signer.signTransaction(transaction(0)), 'E_SIGNER'))).to.contain(
      'another transaction',
    )
    server.mode = 'garbage'
    await expectRejects(() => signer.signTransaction(transaction(0)), 'E_SIGNER')
    await expectRejects(() => signer.signTypedData(typed), 'E_SIGNER')
    const wrong = { ...typed, value: { value: 6n } }
    server.mode = 'sign'
    expect(await signer.signTypedData(wrong)).not.to.equal(await signer.signTypedData(typed))
  })

  it('tells a refusal from a failure, and which accounts there are', async () => {
    const signer = await open()
    server.mode = 'refuses'
    await expectRejects(() => signer.signTransaction(transaction(0)), 'E_ABORTED')
    server.mode = 'locked'
    expect(String(await expectRejects(() => open(), 'E_KEY'))).to.contain('is it unlocked')
    server.mode = 'sign'
    const other = testSigner('somebody else').address
    expect(String(await expectRejects(() => open({ account: other }), 'E_KEY'))).to.contain(other)
    const dead = { url: 'http://127.0.0.1:9/secret-path', account: null, lookUp: async () => null }
    const error = await expectRejects(() => openExternalSigner(dead), 'E_SIGNER')
    expect(String(error)).not.to.contain('secret-path')
  })

  it('ends a wait for somebody who does not answer', async () => {
    const abort = new AbortController()
    const silent = { url: server.url, account: null, lookUp: async () => null, signal: abort.signal }
    abort.abort()
    await expectRejects(() => openExternalSigner(silent), 'E_ABORTED')
  })
})
