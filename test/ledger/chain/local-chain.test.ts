import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect } from 'chai'
import { isCoveyError } from '../../../src/base/errors.ts'
import { startLocalChain } from '../../../src/ledger/chain/local-chain.ts'
import { MAX_RPC_BODY_BYTES } from '../../../src/ledger/chain/rpc-front.ts'
import { startTestChain, TEST_CHAIN_ID, type TestChain, testSigner } from '../../support/ledger-anvil.ts'

describe('embedded chain', () => {
  let world: TestChain
  before(async () => {
    world = await startTestChain(['a'])
  })
  after(() => world.remove())

  const post = (body: string, type = 'application/json'): Promise<Response> =>
    fetch(world.chain.url, { method: 'POST', headers: { 'content-type': type }, body })
  const ask = async (body: unknown): Promise<{ result?: unknown; error?: { code: number } }> =>
    (await post(JSON.stringify(body))).json() as Promise<{ result?: unknown; error?: { code: number } }>

  it('answers reads and refuses what would change the chain or sign', async () => {
    expect(Number((await ask({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] })).result)).to.equal(
      TEST_CHAIN_ID,
    )
    for (const method of [
      'anvil_setBalance',
      'evm_mine',
      'eth_sendTransaction',
      'eth_sign',
      'debug_traceCall',
      'hardhat_reset',
    ])
      expect((await ask({ jsonrpc: '2.0', id: 1, method, params: [] })).error?.code, method).to.equal(-32_601)
    const batch = [
      { jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] },
      { jsonrpc: '2.0', id: 2, method: 'anvil_impersonateAccount', params: [] },
    ]
    expect((await ask(batch)).error?.code).to.equal(-32_601)
  })

  it('refuses bodies that are too large, not JSON, or of another type', async () => {
    const large = await post('x'.repeat(MAX_RPC_BODY_BYTES + 1)).then(
      (r) => r.status,
      () => 413,
    )
    expect(large).to.equal(413)
    expect((await post('{}', 'text/plain')).status).to.equal(415)
    expect(((await (await post('{')).json()) as { error: { code: number } }).error.code).to.equal(-32_700)
  })

  it('starts again after a crash with the state of the last dump', async () => {
    const { chain } = world
    const to = testSigner('b').address
    await chain.admin('anvil_setBalance', [to, '0x7b'])
    await chain.dump()
    const balance = async (): Promise<unknown> => chain.admin('eth_getBalance', [to, 'latest']).catch(() => null)
    process.kill(chain.pid() as number, 'SIGKILL')
    for (let i = 0; i < 500 && (chain.restarts() === 0 || (await balance()) === null); i++)
      await new Promise((resolve) => setTimeout(resolve, 10))
    expect(chain.restarts()).to.equal(1)
    expect(Number(await balance())).to.equal(123)
    expect(Number((await ask({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] })).result)).to.equal(
      TEST_CHAIN_ID,
    )
  })

  it('says so when the port is taken, and leaves no anvil behind', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const error = await startLocalChain({ dir: `${world.dir}/other`, chainId: 1, funded: {}, port }).catch(
      (e: unknown) => e,
    )
    server.close()
    expect(isCoveyError(error, 'E_PORT'), String(error)).to.equal(true)
  })
})
