import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { Wallet } from 'ethers'
import { openAccountFile } from '../../src/ledger/keys/accounts.ts'
import { runCli } from '../support/run-cli.ts'
import { runInProcess } from '../support/run-in-process.ts'
import { useTempFolders } from '../support/temp-folder.ts'

const env = { COVEY_PASSWORD: 'correct horse' }

describe('covey wallet', function () {
  this.timeout(60_000)
  const tempFolder = useTempFolders()

  it('makes a key once, copies it under another password, and takes the copy over elsewhere', async () => {
    const [here, there] = [await tempFolder(), await tempFolder()]
    const made = await runInProcess(['wallet', 'new', '--dir', here, '--fast-kdf', '--json'], env)
    expect(made.code, made.stderr).to.equal(null)
    const { account, file } = JSON.parse(made.stdout)
    expect((await stat(file)).mode & 0o077).to.equal(0)
    expect((await openAccountFile(file, env.COVEY_PASSWORD)).address).to.equal(account)

    const again = await runInProcess(['wallet', 'new', '--dir', here, '--fast-kdf', '--json'], env)
    expect([again.code, JSON.parse(again.stdout).error.code]).to.deep.equal(['E_KEY', 'E_KEY'])
    expect((await runInProcess(['wallet', 'address', '--dir', here])).stdout).to.equal(`${account}\n`)

    const copy = join(there, 'copy.json')
    const exported = await runInProcess(['wallet', 'export', '--dir', here, '--out', copy, '--fast-kdf', '--json'], {
      ...env,
      COVEY_NEW_PASSWORD: 'battery staple',
    })
    expect(exported.code, exported.stderr).to.equal(null)
    const { privateKey } = await Wallet.fromEncryptedJson(await readFile(copy, 'utf8'), 'battery staple')
    expect(exported.stdout + exported.stderr + made.stdout + made.stderr).not.to.contain(privateKey.slice(2))

    const imported = await runInProcess(['wallet', 'import', copy, '--dir', there, '--fast-kdf', '--json'], {
      COVEY_PASSWORD: 'third one',
      COVEY_OLD_PASSWORD: 'battery staple',
    })
    expect(JSON.parse(imported.stdout).account).to.equal(account)
    expect((await openAccountFile(join(there, 'keys', 'account.json'), 'third one')).address).to.equal(account)
    const wrong = await runInProcess(['wallet', 'import', copy, '--dir', await tempFolder(), '--json'], {
      COVEY_PASSWORD: 'x',
      COVEY_OLD_PASSWORD: 'nonsense',
    })
    expect(JSON.parse(wrong.stdout).error.code).to.equal('E_PASSWORD')
    expect(wrong.stdout + wrong.stderr).not.to.contain('nonsense')
  })

  it('takes a raw key from standard input or a file, writes one only to a file, and shows none', async () => {
    const [dir, other] = [await tempFolder(), await tempFolder()]
    const wallet = Wallet.createRandom()
    const digits = wallet.privateKey.slice(2)
    const piped = await runCli(['wallet', 'import', '--private-key', '--dir', dir, '--fast-kdf', '--json'], {
      env,
      input: `${wallet.privateKey}\n`,
    })
    expect(piped.code, piped.stderr).to.equal(0)
    expect(JSON.parse(piped.stdout).account).to.equal(wallet.address)

    const raw = join(other, 'key.hex')
    const unasked = await runInProcess(['wallet', 'export', '--raw', '--dir', dir, '--out', raw, '--json'], env)
    expect(JSON.parse(unasked.stdout).error.code).to.equal('E_ARGUMENT')
    const written = await runInProcess(
      ['wallet', 'export', '--raw', '--yes', '--dir', dir, '--out', raw, '--json'],
      env,
    )
    expect(written.code, written.stderr).to.equal(null)
    expect((await readFile(raw, 'utf8')).trim()).to.equal(wallet.privateKey)
    expect((await stat(raw)).mode & 0o077).to.equal(0)
    const taken = await runInProcess(
      ['wallet', 'import', '--private-key-file', raw, '--dir', other, '--fast-kdf', '--json'],
      env,
    )
    expect(JSON.parse(taken.stdout).account).to.equal(wallet.address)

    const short = join(other, 'short.hex')
    await writeFile(short, digits.slice(0, 60))
    const broken = await runInProcess(
      ['wallet', 'import', '--private-key-file', short, '--dir', await tempFolder(), '--json'],
      env,
    )
    expect(JSON.parse(broken.stdout).error.code).to.equal('E_KEY')
    for (const run of [piped, unasked, written, taken, broken])
      expect(run.stdout + run.stderr).not.to.contain(digits.slice(0, 60))
    const none = await runInProcess(['wallet', 'import', '--dir', await tempFolder(), '--json'], env)
    expect(none.code).to.equal('E_CONFIG')
  })
})
