import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { COMMANDS } from '../../cli/commands.ts'
import { Output } from '../../cli/output.ts'
import { buildProgram } from '../../cli/program.ts'
import { nodeFiles } from '../../node/settings.ts'
import { deployContracts } from '../../src/ledger/chain/deploy.ts'
import { createEvmLedger } from '../../src/ledger/evm/ledger.ts'
import { createAccountFile, QUICK_SCRYPT_N } from '../../src/ledger/keys/accounts.ts'
import { generatePeerKey, loadPeerKey, peerIdOf, savePeerKey } from '../../src/transport/peer-key.ts'
import type { Address } from '../../src/types/ledger.ts'
import { expectRejects } from '../support/expect-error.ts'
import { startTestChain, TEST_CHAIN_ID, type TestChain, testSigner } from '../support/ledger-anvil.ts'

const TOKEN = 10n ** 18n
const PASSWORD = 'correct horse'

describe('covey registry', function () {
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

  const keyOf = (home: string): string => nodeFiles.peerKey(join(world.dir, home))

  it('says who operates a node, moves it to a new key, and lets it go', async () => {
    const { operator } = accounts as { operator: Address }
    await savePeerKey(keyOf('operator'), await generatePeerKey(), PASSWORD)
    const first = peerIdOf(await loadPeerKey(keyOf('operator'), PASSWORD))
    expect((await covey('holder', `registry show --account ${operator}`)).text).to.contain('none')
    await expectRejects(() => covey('operator', 'registry set --name Ann'), 'E_REVERT')
    await expectRejects(() => covey('operator', 'registry set'), 'E_CONFIG')

    const rotated = await covey('operator', 'registry rotate')
    const peerId = peerIdOf(await loadPeerKey(keyOf('operator'), PASSWORD))
    expect([rotated.result.peerId, peerId === first]).to.deep.equal([peerId, false])
    // interrupted after the chain had it and before the file had moved: the same key is taken up again
    await rename(keyOf('operator'), `${keyOf('operator')}.next`)
    expect((await covey('operator', 'registry rotate')).result).to.include({ peerId, transaction: null })
    expect(peerIdOf(await loadPeerKey(keyOf('operator'), PASSWORD))).to.equal(peerId)

    await covey('operator', 'registry set --name Ann\u001b[31m --url https://ann.example')
    const shown = await covey('holder', `registry show --account ${operator}`)
    // what a terminal would obey is not printed
    expect(shown.text).to.contain(`peer id  ${peerId}\nname     Ann\uFFFD[31m\nurl      https://ann.example\n`)
    await covey('operator', 'registry set --contact ann@ann.example')
    await covey('operator', 'stake deposit 10')
    await covey('operator', 'delegate commission 5')
    const listed = await covey('holder', 'delegate list')
    expect(listed.text).to.contain('\n  Ann\uFFFD[31m  https://ann.example  ann@ann.example\n')
    expect(listed.result.operators).to.have.nested.property('[0].metadata.contact', 'ann@ann.example')

    expect(String(await expectRejects(() => covey('operator', 'registry exit'), 'E_REVERT'))).to.contain('StakeStands')
    await covey('operator', 'stake withdraw 10')
    await world.chain.admin('evm_increaseTime', [30_000])
    await world.chain.admin('evm_mine')
    await covey('operator', 'stake withdraw')
    expect((await covey('operator', 'registry exit')).text).to.equal(`${operator} is out\n`)
    expect((await covey('operator', 'registry exit')).text).to.equal(`${operator} was not registered\n`)
    const gone = await covey('holder', `registry show --account ${operator}`)
    expect(gone.result).to.deep.equal({ account: operator, peerId: null, name: '', url: '', contact: '' })
  })
})
