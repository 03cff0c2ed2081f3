import { expect } from 'chai'
import { Transaction } from 'ethers'
import { isCoveyError } from '../../../src/base/errors.ts'
import { DEFAULT_REORG_DEPTH } from '../../../src/ledger/indexer.ts'
import type { CallRequest } from '../../../src/ledger/rpc/rpc.ts'
import { Rpc } from '../../../src/ledger/rpc/rpc.ts'
import { createMemoryTxJournal, type TxIntent, type TxJournal } from '../../../src/ledger/tx/journal.ts'
import { TxQueue } from '../../../src/ledger/tx/queue.ts'
import type { Hex } from '../../../src/types/ledger.ts'
import { startTestChain, TEST_CHAIN_ID, type TestChain, testSigner } from '../../support/ledger-anvil.ts'

const NAMES = ['gap', 'dropped', 'restart', 'bump', 'stranger', 'done'] as const
const ping: CallRequest = { to: testSigner('target').address, data: '0x', name: 'ping' }
/** INVALID as creation code */
const refused: CallRequest = { to: null, data: '0xfe', name: 'refused' }

describe('transaction queue', () => {
  let world: TestChain
  let rpc: Rpc
  before(async () => {
    world = await startTestChain(NAMES, null)
    rpc = new Rpc({ url: world.chain.url, chainId: TEST_CHAIN_ID })
  })
  after(async () => {
    rpc.close()
    await world.remove()
  })

  const queue = (
    name: string,
    journal: TxJournal,
    times: { rebroadcast_ms?: number; bump_ms?: number } = {},
  ): TxQueue => new TxQueue({ rpc, signer: testSigner(name), journal, poll_ms: 5, ...times })
  /** what is not in a block */
  const open = async (journal: TxJournal): Promise<readonly TxIntent[]> =>
    (await journal.pending()).filter((intent) => intent.mined === undefined)
  const mine = (): Promise<unknown> => world.chain.admin('evm_mine')
  const waiting = async (count: number): Promise<void> => {
    for (let i = 0; i < 400; i++) {
      const pool = (await world.chain.admin('txpool_status')) as { pending: string }
      if (Number(pool.pending) === count) return
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    throw new Error(`expected ${count} waiting transactions`)
  }

  it('takes no nonce for a call that is refused', async () => {
    const journal = createMemoryTxJournal()
    const q = queue('gap', journal)
    const first = q.send(ping)
    const bad = q.send(refused).catch((e: unknown) => e)
    const third = q.send(ping)
    expect(isCoveyError(await bad, 'E_REVERT')).to.equal(true)
    await waiting(2)
    await mine()
    await Promise.all([first, third])
    expect(await rpc.nonce(testSigner('gap').address, 'latest')).to.equal(2)
    expect(await open(journal)).to.deep.equal([])
    expect(q.gasSpent()).to.deep.equal({ ping: { calls: 2, gas: 42_000n } })
  })

  it('sends again what the node has forgotten', async () => {
    const q = queue('dropped', createMemoryTxJournal(), { rebroadcast_ms: 30 })
    const sent = q.send(ping)
    await waiting(1)
    await world.chain.admin('anvil_dropAllTransactions')
    await waiting(1)
    await mine()
    expect((await sent).status).to.equal(1)
    expect(await rpc.nonce(testSigner('dropped').address, 'latest')).to.equal(1)
  })

  it('finishes after a restart what was in flight, once, before it sends anything new', async () => {
    const journal = createMemoryTxJournal()
    const before = queue('restart', journal)
    const lost = before.send(ping).catch((e: unknown) => e)
    await waiting(1)
    before.stop()
    expect(isCoveyError(await lost, 'E_ABORTED')).to.equal(true)
    expect((await journal.pending()).map((i) => [i.nonce, i.call])).to.deep.equal([[0, 'ping']])
    // the machine went down with the node's mempool
    await world.chain.admin('anvil_dropAllTransactions')
    const after = queue('restart', journal)
    let done = false
    const recovered = after.recover().then(() => {
      done = true
    })
    await waiting(1)
    expect(done).to.equal(false)
    await mine()
    await recovered
    expect(await open(journal)).to.deep.equal([])
    expect(await rpc.nonce(testSigner('restart').address, 'latest')).to.equal(1)
    expect(after.gasSpent().ping?.calls).to.equal(1)
  })

  it('forgets an intent that was mined while the process was down, once no reorganisation can undo it', async () => {
    const journal = createMemoryTxJournal()
    const before = queue('done', journal)
    const lost = before.send(ping).catch((e: unknown) => e)
    await waiting(1)
    before.stop()
    await lost
    await mine()
    const after = queue('done', journal)
    await after.recover()
    expect(await open(journal)).to.deep.equal([])
    const [mined] = await journal.pending()
    const hash = mined?.mined?.hash ?? null
    const block = mined?.mined?.block ?? 0
    await after.observe(block + DEFAULT_REORG_DEPTH - 1, async () => hash)
    expect(await journal.pending()).to.have.length(1)
    await after.observe(block + DEFAULT_REORG_DEPTH, async () => hash)
    expect(await journal.pending()).to.deep.equal([])
    expect(await rpc.nonce(testSigner('done').address, 'latest')).to.equal(1)
  })

  it('offers more for a transaction that is not mined, on the same nonce', async () => {
    const journal = createMemoryTxJournal()
    const q = queue('bump', journal, { bump_ms: 20 })
    const sent = q.send(ping)
    const prices = async (): Promise<bigint[]> =>
      ((await journal.pending())[0]?.raw ?? []).map((raw: Hex) => Transaction.from(raw).maxFeePerGas as bigint)
    for (let i = 0; i < 400 && (await prices()).length < 2; i++) await new Promise((resolve) => setTimeout(resolve, 5))
    const [first, second] = await prices()
    expect(Number(second) / Number(first)).to.be.greaterThan(1.12)
    await waiting(1)
    await mine()
    expect((await sent).status).to.equal(1)
    expect(await rpc.nonce(testSigner('bump').address, 'latest')).to.equal(1)
  })

  it('tells when another process has used the nonce', async () => {
    const journal = createMemoryTxJournal()
    const q = queue('stranger', journal)
    const sent = q.send(ping).catch((e: unknown) => e)
    await waiting(1)
    await world.chain.admin('anvil_dropAllTransactions')
    const other = queue('stranger', createMemoryTxJournal()).send({ ...ping, to: testSigner('elsewhere').address })
    await waiting(1)
    await mine()
    await other
    const error = await sent
    expect(isCoveyError(error, 'E_RPC') && error.data.lost, String(error)).to.equal(true)
    expect(await open(journal)).to.deep.equal([])
  })
})
