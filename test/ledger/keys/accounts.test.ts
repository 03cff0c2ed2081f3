import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Transaction, verifyTypedData } from 'ethers'
import { isCoveyError } from '../../../src/base/errors.ts'
import { bindingTypedData } from '../../../src/ledger/abi/binding.ts'
import {
  createAccountFile,
  createMemorySigner,
  openAccountFile,
  QUICK_SCRYPT_N,
} from '../../../src/ledger/keys/accounts.ts'
import { testPeer } from '../ledger.behavior.ts'

describe('account files', () => {
  let dir: string
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'covey-accounts-'))
  })
  after(() => rm(dir, { recursive: true }))
  const codeOf = async (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'no error',
      (error: unknown) => (isCoveyError(error) ? error.code : String(error)),
    )

  it('opens with its password only, hides the key, and is never overwritten', async () => {
    const path = join(dir, 'a', 'account.json')
    const made = await createAccountFile(path, 'right', { scryptN: QUICK_SCRYPT_N })
    expect((await openAccountFile(path, 'right')).address).to.equal(made.address)
    expect(await codeOf(openAccountFile(path, 'wrong'))).to.equal('E_PASSWORD')
    expect(await codeOf(createAccountFile(path, 'other', { scryptN: 2 }))).to.equal('E_KEY')
    expect((await stat(path)).mode & 0o777).to.equal(0o600)
    expect(JSON.parse(await readFile(path, 'utf8'))).to.have.property('version', 3)
  })

  it('refuses what is missing, broken, or asks for too much memory', async () => {
    expect(await codeOf(openAccountFile(join(dir, 'none.json'), 'x'))).to.equal('E_KEY')
    const path = join(dir, 'b.json')
    await createAccountFile(path, 'x', { scryptN: 2 })
    const file = JSON.parse(await readFile(path, 'utf8'))
    const field = 'crypto' in file ? 'crypto' : 'Crypto'
    file[field].kdfparams.n = 2 ** 30
    await writeFile(path, JSON.stringify(file))
    expect(await codeOf(openAccountFile(path, 'x'))).to.equal('E_KEY')
    await writeFile(path, '{"version":3')
    expect(await codeOf(openAccountFile(path, 'x'))).to.equal('E_KEY')
    await writeFile(path, 'x'.repeat(20_000))
    expect(await codeOf(openAccountFile(path, 'x'))).to.equal('E_KEY')
  })

  it('signs typed data and transactions that name its address', async () => {
    const signer = createMemorySigner(`0x${'11'.repeat(32)}`)
    const data = bindingTypedData(1n, signer.address, {
      peerId: testPeer(1).peerId,
      account: signer.address,
      nonce: 1n,
      expiry: 2,
    })
    expect(verifyTypedData(data.domain, data.types, data.value, await signer.signTypedData(data))).to.equal(
      signer.address,
    )
    const raw = await signer.signTransaction({ type: 2, chainId: 1, nonce: 0, to: signer.address, gasLimit: 21_000n })
    expect(Transaction.from(raw).from).to.equal(signer.address)
    expect(() => createMemorySigner('0x12'))
      .to.throw()
      .with.property('code', 'E_KEY')
  })
})
