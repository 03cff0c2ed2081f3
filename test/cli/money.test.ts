import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { keccak256, parseEther, toQuantity, toUtf8Bytes } from 'ethers'
import type { Deployment } from '../../src/ledger/abi/contracts.ts'
import { createEvmLedger } from '../../src/ledger/evm/ledger.ts'
import type { Address, Hex } from '../../src/types/ledger.ts'
import { startTestChain, type TestChain, testSigner } from '../support/ledger-anvil.ts'
import { startLosingRpc } from '../support/losing-rpc.ts'
import { type InProcessRun, runInProcess } from '../support/run-in-process.ts'
import { startSignerServer } from '../support/signer-server.ts'
import { writeTinyModel } from '../support/tiny-folder.ts'

const TOKEN = 10n ** 18n
const keyOf = (name: string): Hex => keccak256(toUtf8Bytes(name)) as Hex

describe('covey, with money', function () {
  this.timeout(120_000)
  let world: TestChain
  let at = ''
  let deployment: Deployment

  const covey = (
    home: string,
    line: string | readonly string[],
    env: Readonly<Record<string, string>> = {},
    signal?: AbortSignal,
    onText?: () => void,
  ): Promise<InProcessRun> => {
    const args = typeof line === 'string' ? line.split(' ') : line
    const all = { COVEY_PASSWORD: 'correct horse', COVEY_RPC: world.chain.url, COVEY_CONTRACTS: at, ...env }
    return runInProcess([...args, '--dir', join(world.dir, home)], all, signal, onText)
  }

  /** Tokens and gas for an account. */
  async function fund(account: Address, tokens: bigint): Promise<void> {
    await world.chain.admin('anvil_setBalance', [account, toQuantity(parseEther('10'))])
    const bank = createEvmLedger({
      rpcUrl: world.chain.url,
      addresses: deployment,
      signer: testSigner('deployer'),
      poll_ms: 5,
    })
    await bank.transfer(account, tokens)
    await bank.stop()
  }

  before(async () => {
    world = await startTestChain(['deployer'])
    at = join(world.dir, 'addresses.json')
    for (const home of ['deployer', 'saver', 'creator']) {
      const raw = join(world.dir, `${home}.hex`)
      await writeFile(raw, keyOf(home))
      await covey(home, ['wallet', 'import', '--private-key-file', raw, '--fast-kdf'])
    }
    const deployed = await covey('deployer', ['chain', 'deploy', '--out', at, '--unbonding-days', '1', '--yes'])
    expect(deployed.code, deployed.stderr).to.equal(null)
    expect(deployed.stderr).to.contain('put the contracts on chain 31337').and.to.contain('fee: at most')
    deployment = JSON.parse(await readFile(at, 'utf8')) as Deployment
    await fund(testSigner('saver').address, 1000n * TOKEN)
    await fund(testSigner('creator').address, 1000n * TOKEN)
  })
  after(() => world.remove())

  it('deploys once to a file, and verifies it byte for byte', async () => {
    expect((await covey('deployer', ['chain', 'deploy', '--out', at, '--yes'])).code).to.equal('E_CONFIG')
    const verified = await covey('saver', 'chain verify')
    expect([verified.failed, verified.result?.ok], verified.stdout).to.deep.equal([false, true])
    const names = (verified.result.findings as { name: string }[]).map((f) => f.name)
    expect(names).to.include.members(['vault', 'tasks', 'tasks library', 'tasks views', 'registry', 'arena', 'token'])
    // the very code at another place, bound to other contracts
    const other = join(world.dir, 'other.json')
    await covey('deployer', ['chain', 'deploy', '--out', other, '--yes'])
    const mixed = { ...deployment, vault: (JSON.parse(await readFile(other, 'utf8')) as Deployment).vault }
    await writeFile(other, JSON.stringify(mixed))
    const wrong = await covey('saver', 'chain verify', { COVEY_CONTRACTS: other })
    expect([wrong.failed, wrong.result.ok]).to.deep.equal([true, false])
    expect(wrong.stdout).to.contain('BAD').and.to.contain('send no money there')
    await writeFile(other, JSON.stringify({ ...deployment, registry: deployment.token }))
    expect((await covey('saver', 'chain verify', { COVEY_CONTRACTS: other })).stdout).to.match(/BAD registry/)
  })

  it('shows what a write does and costs, and sends nothing that nobody agreed to', async () => {
    const asked = await covey('saver', 'stake deposit 10')
    expect(asked.code).to.equal('E_ARGUMENT')
    expect(asked.stderr).to.match(
      /This will\n {2}put 10 COVEY of 0x\w+ at stake\n[\s\S]*fee: at most 0\.\d+ of the chain's coin \(\d+ gas/,
    )
    expect(asked.stderr).to.contain('give --yes')
    expect((await covey('saver', 'stake show')).stdout).to.contain('stake     0 COVEY')
    const done = await covey('saver', 'stake deposit 10 --yes')
    expect(done.code, done.stderr).to.equal(null)
    expect(done.result).to.include({ stake: 10n * TOKEN, earlier: false })
    expect(done.stderr).to.match(/0x\w{64} is in block \d+, fee 0\.\d+ of the chain's coin/)
    expect((await covey('saver', 'wallet balance --wei')).stdout).to.match(/stake {6}10000000000000000000 wei/)
    expect((await covey('saver', 'wallet balance')).stdout).to.match(/in all {5}1000 COVEY/)
    const poor = await covey('saver', 'stake deposit 5000 --yes')
    expect([poor.code, poor.stderr]).to.satisfy(
      ([code, text]: string[]) => code === 'E_FUNDS' && /to do: fund the account/.test(text ?? ''),
    )
    const early = await covey('saver', 'stake withdraw 3 --yes')
    expect(early.stdout).to.contain('3 COVEY is unbonding')
    expect((await covey('saver', 'stake withdraw --yes')).stderr).to.match(
      /still unbonding.*unbondsAt \d{4}-\d\d-\d\dT[\s\S]*to do: wait/,
    )
  })

  it('does not do twice what an interrupted run had sent', async () => {
    const abort = new AbortController()
    const losing = await startLosingRpc(world.chain.url, () => setTimeout(() => abort.abort(), 50))
    const before = (await covey('saver', 'stake show')).result.stake as bigint
    const broken = await covey('saver', 'stake deposit 7 --yes', { COVEY_RPC: losing.url }, abort.signal)
    expect(broken.code, broken.stderr).to.equal('E_ABORTED')
    expect(broken.stderr).to.contain('it was sent and may still be mined')
    expect(losing.lost).to.have.lengthOf(1)
    await losing.close()
    const again = await covey('saver', 'stake deposit 7 --yes')
    expect(again.code, again.stderr).to.equal(null)
    expect(again.result).to.include({ earlier: true, stake: before + 7n * TOKEN })
    expect(again.result.transaction).to.equal(keccak256(losing.lost[0] as Hex))
    expect(again.stderr).to.contain('Nothing was sent now')
    // and whoever means it does it once more
    expect((await covey('saver', 'stake deposit 7 --yes')).result).to.include({
      earlier: false,
      stake: before + 14n * TOKEN,
    })
  })

  it('sends tokens and the coin for gas, and nothing to where it would be lost', async () => {
    const { address } = testSigner('receiver')
    const before = (await covey('saver', 'wallet balance')).result
    const asked = await covey('saver', `wallet send ${address} 2.5`)
    expect([asked.code, asked.stderr]).to.satisfy(
      ([code, text]: string[]) =>
        code === 'E_ARGUMENT' && new RegExp(`send 2.5 COVEY of 0x\\w+ to ${address}`).test(text ?? ''),
    )
    const tokens = await covey('saver', `wallet send ${address} 2.5 --yes --json`)
    expect(tokens.code, tokens.stderr).to.equal(null)
    expect(JSON.parse(tokens.stdout)).to.include({ to: address, amount: '2500000000000000000', native: false })
    expect(tokens.result.transaction).to.match(/^0x[0-9a-f]{64}$/)
    expect(tokens.result.left).to.equal((before.wallet as bigint) - (5n * TOKEN) / 2n)
    // gas comes from whoever has some, and asks for no contract
    const coin = await covey('saver', `wallet send ${address} 0.25 --native --yes`, { COVEY_CONTRACTS: '' })
    expect(coin.code, coin.stderr).to.equal(null)
    expect(coin.stdout).to.contain(`0.25 of the chain's coin sent to ${address}`)
    expect(coin.result.left as bigint).to.be.lessThan(before.gas as bigint)
    const got = (await covey('saver', `wallet balance --account ${address}`)).result
    expect([got.wallet, got.gas]).to.deep.equal([(5n * TOKEN) / 2n, TOKEN / 4n])

    const own = testSigner('saver').address
    for (const [line, said] of [
      [`${deployment.vault} 1`, "this deployment's vault contract"],
      [`${own} 1`, 'is the account itself'],
      [`${own} 1 --native`, 'is the account itself'],
      ['0x0000000000000000000000000000000000000000 1', 'what is there is lost'],
      ['0x12 1', 'expected an address of 40 hex digits'],
      [`${address} 0`, 'more than zero'],
    ] as const) {
      const refused = await covey('saver', `wallet send ${line} --yes`)
      expect([refused.code, refused.stderr.includes(said)], refused.stderr).to.deep.equal(['E_CONFIG', true])
    }
    expect((await covey('saver', `wallet send ${address} 5000 --yes`)).code).to.equal('E_FUNDS')
    expect((await covey('saver', `wallet send ${address} 5000 --native --yes`)).code).to.equal('E_FUNDS')
    // a contract that takes no coin
    expect((await covey('saver', `wallet send ${deployment.tasks} 1 --native --yes`)).code).to.equal('E_REVERT')
  })

  it('sends the coin once, however often an interrupted run is repeated', async () => {
    const { address } = testSigner('receiver')
    const abort = new AbortController()
    const losing = await startLosingRpc(world.chain.url, () => setTimeout(() => abort.abort(), 50))
    const line = `wallet send ${address} 0.125 --native --yes`
    const broken = await covey('saver', line, { COVEY_RPC: losing.url }, abort.signal)
    expect([broken.code, losing.lost.length], broken.stderr).to.deep.equal(['E_ABORTED', 1])
    await losing.close()
    const again = await covey('saver', line)
    expect(again.code, again.stderr).to.equal(null)
    expect(again.result).to.include({ earlier: true, transaction: keccak256(losing.lost[0] as Hex) })
    expect((await covey('saver', `wallet balance --account ${address}`)).result.gas).to.equal((3n * TOKEN) / 8n)
  })

  for (const mode of ['sign', 'send'] as const) {
    it(`writes with a key that is elsewhere, in a signer that can ${mode === 'sign' ? 'sign' : 'only send'}`, async () => {
      const name = `elsewhere ${mode}`
      await fund(testSigner(name).address, 100n * TOKEN)
      const server = await startSignerServer(keyOf(name), world.chain.url)
      server.mode = mode
      const env = { COVEY_SIGNER: server.url, COVEY_PASSWORD: '' }
      expect((await covey(name, 'wallet address', env)).stdout).to.equal(`${testSigner(name).address}\n`)
      const done = await covey(name, 'stake deposit 30 --yes', env)
      expect(done.code, done.stderr).to.equal(null)
      expect(done.result).to.include({ account: testSigner(name).address, stake: 30n * TOKEN, wallet: 70n * TOKEN })
      const nonce = await world.chain.admin('eth_getTransactionCount', [testSigner(name).address, 'latest'])
      expect(Number(nonce)).to.equal(1)
      server.mode = 'refuses'
      expect((await covey(name, 'stake deposit 1 --yes', env)).code).to.equal('E_ABORTED')
      await server.close()
    })
  }

  it('creates a task after a look at its cost, watches it, cancels it, and explains the money to the last wei', async () => {
    const model = await writeTinyModel(join(world.dir, 'model'))
    const file = join(world.dir, 'task.json')
    const { guideTask } = await import('../../cli/cmds/task-create/guide.ts')
    const { loadModel } = await import('../../src/model/folder/load.ts')
    const answers = new Map([
      ['Reward pool, for all rounds', '90.5'],
      ['Rounds', '3'],
    ])
    const written = await guideTask(await loadModel(model), async (question, fallback, parse) =>
      parse(answers.get(question) ?? fallback),
    )
    await writeFile(file, JSON.stringify(written))
    const create = ['task', 'create', '--task-file', file]
    const priced = await covey('creator', [...create, '--dry-run'])
    expect(priced.code, priced.stderr).to.equal(null)
    expect(priced.stdout)
      .to.contain('pool    90.5 COVEY')
      .and.to.match(/fee {5}at most 0\.\d+ of the chain's coin: \d+ gas/)
    expect(priced.result).to.include({ dryRun: true, task: null })
    expect((await covey('creator', 'task list')).stdout).to.contain('no task yet')
    const created = await covey('creator', [...create, '--yes'])
    expect([created.code, created.result?.task], created.stderr).to.deep.equal([null, 1])
    expect((await covey('creator', [...create, '--yes'])).result.task).to.equal(1)
    expect((await covey('creator', [...create, '--dry-run'])).stdout).to.contain('on chain already')
    const held = await startSignerServer(keyOf('elsewhere sign'), world.chain.url)
    const poor = await covey('poor', [...create, '--dry-run'], { COVEY_SIGNER: held.url })
    await held.close()
    expect([poor.failed, poor.result.missing]).to.deep.equal([true, (205n * TOKEN) / 10n])

    let begun = (): void => {}
    const watched = new Promise<void>((resolve) => {
      begun = resolve
    })
    const watching = covey('saver', 'task watch 1 --json', {}, undefined, begun)
    await watched
    const cancelled = await covey('creator', 'task cancel 1 --yes')
    expect(cancelled.code, cancelled.stderr).to.equal(null)
    expect(cancelled.stdout).to.contain('90.5 COVEY to be claimed')
    const lines = (await watching).stdout.trim().split('\n')
    expect(lines.map((line) => JSON.parse(line).event)).to.deep.equal([
      ...['watching', 'TaskCreated', 'TaskCancelled', 'ended'],
    ])
    expect((await covey('creator', 'task cancel 1 --yes')).stderr).to.contain('to do: choose another one')

    const explained = await covey('creator', 'rewards explain')
    expect(explained.failed, explained.stdout).to.equal(false)
    expect(explained.stdout).to.contain('task 1  90.5 COVEY, left when the task was cancelled')
    expect(explained.stdout).to.contain('the chain owes exactly this')
    expect((await covey('creator', 'rewards claim --yes')).result.claimed).to.equal((905n * TOKEN) / 10n)
    expect((await covey('creator', 'rewards claim --yes')).stdout).to.equal('nothing to claim\n')
    const after = await covey('creator', 'rewards explain')
    expect(after.result.onChain).to.deep.equal({ claimable: 0n, delegated: 0n, arenas: 0n })
    expect(after.result.agrees).to.equal(true)
  })

  it('tells what became of the stake, from events', async () => {
    const told = await covey('saver', 'stake history')
    expect(told.code, told.stderr).to.equal(null)
    const steps = told.result.steps as { kind: string; after: { stake: bigint; unbonding: bigint } }[]
    expect(steps.map((s) => s.kind)).to.deep.equal(['deposited', 'unbonding', 'deposited', 'deposited'])
    expect(steps.at(-1)?.after).to.include({ stake: 21n * TOKEN, unbonding: 3n * TOKEN })
    expect(told.stdout).to.match(/Z {2}block \d+ {2}deposited 10 COVEY; then 10 COVEY at stake/)
  })
})
