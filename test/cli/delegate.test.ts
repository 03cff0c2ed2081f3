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
import type { Address, DelegationView, OperatorView, UnbondingView } from '../../src/types/ledger.ts'
import { expectRejects } from '../support/expect-error.ts'
import { startTestChain, TEST_CHAIN_ID, type TestChain, testSigner } from '../support/ledger-anvil.ts'

const TOKEN = 10n ** 18n
const PASSWORD = 'correct horse'

describe('covey delegate', function () {
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
      unbondingSeconds: 1000,
      poll_ms: 5,
    })
    await writeFile(join(world.dir, 'at.json'), JSON.stringify(addresses))
    const bank = createEvmLedger({ rpcUrl, addresses, signer, poll_ms: 5 })
    for (const home of ['operator', 'holder']) {
      const file = nodeFiles.accountKey(join(world.dir, home))
      await mkdir(dirname(file), { recursive: true })
      const { address } = await createAccountFile(file, PASSWORD, { scryptN: QUICK_SCRYPT_N })
      accounts[home] = address
      await world.chain.admin('anvil_setBalance', [address, `0x${(10n ** 20n).toString(16)}`])
      await bank.transfer(address, 1000n * TOKEN)
    }
    await bank.stop()
  })
  after(() => world.remove())

  it('goes from an operator that opens itself to a delegator that takes everything back', async () => {
    const { operator, holder } = accounts as { operator: Address; holder: Address }
    expect((await covey('holder', 'delegate list')).text).to.contain('nobody takes delegations')
    await covey('operator', 'stake deposit 10')
    const opened = await covey('operator', 'delegate commission 12.5')
    expect(opened.text).to.equal(`${operator} takes delegations and keeps 12.5 %; room for 40 COVEY\n`)

    const listed = await covey('holder', 'delegate list')
    expect((listed.result.operators as OperatorView[]).map((o) => [o.account, o.commissionBps])).to.deep.equal([
      [operator, 1250],
    ])
    expect(listed.text).to.equal(`${operator}  own 10 COVEY, delegated 0 COVEY of at most 40 COVEY, keeps 12.5 %\n`)

    const refused = () => covey('holder', `delegate to ${operator} 30 --max-commission 12`)
    expect(String(await expectRejects(refused, 'E_REVERT'))).to.contain('CommissionTooHigh')
    const given = await covey('holder', `delegate to ${operator} 30 --max-commission 12.5`)
    expect(given.text).to.equal(`30 COVEY behind ${operator}; 30 COVEY in all, 970 COVEY left in the account\n`)

    const raised = await covey('operator', 'delegate commission 20')
    expect(raised.text).to.match(/^20 % is announced and holds from .*Z on; until then 12.5 %\n$/)
    expect((await covey('operator', 'delegate close')).text).to.contain('30 COVEY stay')
    expect((await covey('holder', 'delegate list')).result.operators).to.deep.equal([])
    expect((await covey('holder', 'delegate list --all')).text).to.contain('takes no more')
    expect((await covey('holder', 'delegate claim')).text).to.equal('nothing to claim\n')

    const part = await covey('holder', `delegate undelegate ${operator} 10`)
    expect(part.text).to.match(/^10 COVEY is unbonding: `covey stake withdraw` collects it .*; 20 COVEY stay\n$/)
    await covey('holder', `delegate undelegate ${operator} all`)
    const shown = await covey('holder', 'delegate show')
    expect(shown.result.delegations as DelegationView[]).to.deep.equal([])
    const unbondings = shown.result.unbondings as UnbondingView[]
    expect(unbondings.reduce((sum, u) => sum + u.amount, 0n)).to.equal(30n * TOKEN)
    expect(shown.text).to.contain(`from ${operator}`)
    await world.chain.admin('evm_increaseTime', [2000])
    await world.chain.admin('evm_mine')
    expect((await covey('holder', 'stake withdraw')).result.wallet).to.equal(1000n * TOKEN)
    expect(shown.result.account).to.equal(holder)
  })

  it('says what is wrong with what was typed', async () => {
    for (const line of [
      'delegate to 0x12 5',
      `delegate to ${accounts.operator} 0`,
      `delegate undelegate ${accounts.operator} some`,
      'delegate commission 50.01',
      'delegate commission 1.234',
      'delegate commission x',
    ])
      await expectRejects(() => covey('holder', line), 'E_CONFIG')
  })
})
