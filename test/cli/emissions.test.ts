import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { COMMANDS } from '../../cli/commands.ts'
import { Output } from '../../cli/output.ts'
import { buildProgram } from '../../cli/program.ts'
import { nodeFiles } from '../../node/settings.ts'
import { deployContracts } from '../../src/ledger/chain/deploy.ts'
import { createEvmLedger } from '../../src/ledger/evm/ledger.ts'
import { createAccountFile, QUICK_SCRYPT_N } from '../../src/ledger/keys/accounts.ts'
import type { LockView } from '../../src/types/emissions.ts'
import type { Address } from '../../src/types/ledger.ts'
import { testParams } from '../ledger/ledger.behavior.ts'
import { expectRejects } from '../support/expect-error.ts'
import { startTestChain, TEST_CHAIN_ID, type TestChain, testSigner } from '../support/ledger-anvil.ts'

const TOKEN = 10n ** 18n
const PASSWORD = 'correct horse'

describe('covey emissions', function () {
  this.timeout(60_000)
  let world: TestChain
  const accounts: Record<string, Address> = {}

  /** What the command returned, and the lines that it printed. */
  async function covey(home: string, line: string): Promise<{ result: Record<string, unknown>; text: string }> {
    let result: unknown
    let text = ''
    const write = (part: string): void => {
      text += part
    }
    const output = new Output(false, { stdout: { write }, stderr: { write: () => {} } })
    const env = { COVEY_PASSWORD: PASSWORD, COVEY_RPC: world.chain.url, COVEY_CONTRACTS: join(world.dir, 'at.json') }
    const program = buildProgram(COMMANDS, '0', async (command, options, args) => {
      const handler = await command.handler()
      const signal = new AbortController().signal
      result = await handler(options, args, { output, signal, env, yes: true, fail: () => {} })
    })
    await program.parseAsync([...line.split(' '), '--dir', join(world.dir, home)], { from: 'user' })
    return { result: result as Record<string, unknown>, text }
  }

  before(async () => {
    world = await startTestChain(['deployer'])
    const rpcUrl = world.chain.url
    const signer = testSigner('deployer')
    const addresses = await deployContracts({
      rpcUrl,
      chainId: TEST_CHAIN_ID,
      signer,
      supply: 10n ** 26n,
      unbondingSeconds: 10_000,
      poll_ms: 5,
    })
    await writeFile(join(world.dir, 'at.json'), JSON.stringify(addresses))
    const bank = createEvmLedger({ rpcUrl, addresses, signer, poll_ms: 5 })
    for (const home of ['giver', 'holder']) {
      const file = nodeFiles.accountKey(join(world.dir, home))
      await mkdir(dirname(file), { recursive: true })
      const { address } = await createAccountFile(file, PASSWORD, { scryptN: QUICK_SCRYPT_N })
      accounts[home] = address
      await world.chain.admin('anvil_setBalance', [address, `0x${(10n ** 20n).toString(16)}`])
      await bank.transfer(address, 1000n * TOKEN)
    }
    expect(await bank.createTask(testParams({ pool: 10n * TOKEN }))).to.equal(1)
    expect(await bank.createTask(testParams({ pool: 10n * TOKEN }))).to.equal(2)
    await bank.stop()
  })
  after(() => world.remove())

  const elapse = async (seconds: number): Promise<void> => {
    await world.chain.admin('evm_increaseTime', [seconds])
    await world.chain.admin('evm_mine')
  }

  it('goes from an empty deployment to what a lock earned, and back to the tokens', async () => {
    const { holder } = accounts as { holder: Address }
    expect(String(await expectRejects(() => covey('holder', 'emissions show'), 'E_CONFIG'))).to.contain('deploy')
    // a tenth a day of 800, half of it to lockers, at full speed from 10 tokens locked for a year
    const terms = '--rate 100000000 --holders 50 --full-lock 10'
    const deployed = await covey('giver', `emissions deploy 800 ${terms}`)
    expect(deployed.text).to.match(/^emissions at 0x[0-9a-fA-F]{40}; `covey emissions open` begins them\n$/)
    await expectRejects(() => covey('giver', `emissions deploy 800 ${terms}`), 'E_CONFIG')
    expect((await covey('giver', 'emissions open')).text).to.equal('begun: 800 COVEY, 80 COVEY on the first day\n')
    expect((await covey('giver', 'emissions open')).result.transaction).to.equal(null)

    const locked = await covey('holder', 'emissions lock 100 --task 1 --days 365')
    expect(locked.text).to.equal('lock 1: 100 COVEY for task 1, 365 days of notice\n')
    await elapse(86_400)
    const shown = await covey('holder', 'emissions show')
    expect(shown.text).to.contain('lock 1  100 COVEY for task 1, 365 days of notice').and.contain('at 100 %')
    const half = 40n * TOKEN
    const nearly = (got: unknown): boolean => {
      const off = (got as bigint) - half
      return off * off < (half / 100n) ** 2n
    }
    expect(nearly(shown.result.claimable)).to.equal(true)
    const [task] = shown.result.tasks as [{ task: number; waiting: bigint }]
    expect([task.task, nearly(task.waiting)]).to.deep.equal([1, true])

    expect((await covey('giver', 'emissions pull 1')).text).to.equal('pulled into the pool of task 1\n')
    expect((await covey('giver', 'emissions pull 2')).text).to.equal('nothing waits for task 2\n')
    expect((await covey('giver', 'task show 1')).text).to.match(/pool {3}(49|50)\.\d+ COVEY/)
    expect((await covey('holder', 'emissions direct 1 --task 2')).text).to.equal('lock 1 is for task 2\n')
    const paid = await covey('holder', 'emissions claim')
    expect([paid.text, paid.result.account]).to.deep.equal(['claimed\n', holder])

    const given = await covey('holder', 'emissions unlock 1')
    expect(given.text).to.match(/^lock 1 weighs nothing now: `covey emissions withdraw 1` from .*Z on\n$/)
    const early = await expectRejects(() => covey('holder', 'emissions withdraw 1'), 'E_REVERT')
    expect(String(early)).to.contain('StillLocked')
    await elapse(366 * 86_400)
    expect((await covey('holder', 'emissions withdraw 1')).text).to.equal('lock 1 is withdrawn\n')
    const after = await covey('holder', 'emissions show')
    expect(after.result.locks as LockView[]).to.deep.equal([])
    await covey('holder', 'emissions claim')
    expect((await covey('holder', 'emissions claim')).text).to.equal('nothing to claim\n')
  })

  it('says what is wrong with what was typed', async () => {
    for (const line of [
      'emissions lock 5',
      'emissions lock x --task 1',
      'emissions unlock 0',
      'emissions pull one',
      'emissions direct 1',
    ])
      await expectRejects(() => covey('holder', line), 'E_CONFIG')
  })
})
