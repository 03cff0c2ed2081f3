import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { isCoveyError } from '../../../src/base/errors.ts'
import type { Deployment } from '../../../src/ledger/abi/contracts.ts'
import { parseDeployment } from '../../../src/ledger/abi/contracts.ts'
import { createEvmLedger, type EvmLedger } from '../../../src/ledger/evm/ledger.ts'
import { type LedgerWorld, startLedgerWorld, testSigner } from '../../support/ledger-anvil.ts'
import { describeLedger, testParams } from '../ledger.behavior.ts'

const NAMES = Array.from({ length: 6 }, (_, i) => `account ${i}`)

describe('EVM ledger', () => {
  let world: LedgerWorld

  before(async () => {
    world = await startLedgerWorld(NAMES)
  })
  after(() => world.remove())

  const open = (
    name: string,
    change: { rpcUrl?: string; addresses?: Deployment; patience_ms?: number } = {},
  ): EvmLedger =>
    createEvmLedger({
      rpcUrl: world.chain.url,
      addresses: world.addresses,
      signer: testSigner(name),
      poll_ms: 5,
      ...change,
    })

  describeLedger('on an EVM', async () => {
    let ledgers: EvmLedger[] = []
    return {
      async ledgers(count) {
        ledgers = NAMES.slice(0, count).map((name) => open(name))
        return ledgers
      },
      async elapse(seconds) {
        await world.chain.admin('evm_increaseTime', [seconds])
        await world.chain.admin('evm_mine')
      },
      async close() {
        await Promise.all(ledgers.map((ledger) => ledger.stop()))
        await world.restore()
      },
    }
  })

  it('follows the chain: events in order, changes seen through the cache', async () => {
    const [a, b] = [open('account 0'), open('account 1')]
    await Promise.all([a.start(), b.start()])
    const changed = new Promise<number>((resolve) => b.onChange(resolve))
    const task = await a.createTask(testParams())
    expect((await a.task(task)).status).to.equal('open')
    expect(await changed).to.equal(task)
    expect((await b.task(task)).status).to.equal('open')
    const again = new Promise<number>((resolve) => b.onChange(resolve))
    await a.cancelTask(task)
    await again
    expect((await b.task(task)).status).to.equal('cancelled')
    expect((await b.events(task)).map((e) => e.name)).to.deep.equal(['TaskCreated', 'TaskCancelled'])
    await Promise.all([a.stop(), b.stop()])
    await world.restore()
  })

  it('tells what a reorganisation took back, and sends the write again that it undid', async () => {
    const a = open('account 0')
    await a.start()
    const before = await world.chain.admin('evm_snapshot')
    const task = await a.createTask(testParams())
    for (let i = 0; i < 500 && (await a.events(task)).length === 0; i++) await delay(10)
    const back: boolean[] = []
    const taken: string[] = []
    const stopListening = [
      a.onChange((id, takenBack) => id === task && back.push(takenBack === true)),
      a.onEvents(({ removed }) => taken.push(...removed.map((event) => event.name))),
    ]
    await world.chain.admin('evm_revert', [before])
    for (let i = 0; i < 3; i++) await world.chain.admin('evm_mine')
    const stands = async (): Promise<boolean> => taken.length > 0 && (await a.events(task)).length === 1
    for (let i = 0; i < 500 && !(await stands()); i++) await delay(10)
    expect(taken).to.include('TaskCreated')
    expect(back).to.include(true)
    expect((await a.events(task)).map((event) => event.name)).to.deep.equal(['TaskCreated'])
    expect((await a.task(task)).creator).to.equal(a.account)
    expect(await a.tasks()).to.have.length(task)
    for (const stop of stopListening) stop()
    await a.stop()
    await world.restore()
  })

  const failure = async (ledger: EvmLedger): Promise<unknown> => {
    const error = await ledger.start().catch((e: unknown) => e)
    await ledger.stop()
    return error
  }

  it('says so when the RPC is dead, on another chain, or without our contracts', async () => {
    const dead = await failure(open('account 0', { rpcUrl: 'http://127.0.0.1:9', patience_ms: 300 }))
    expect(isCoveyError(dead, 'E_RPC'), String(dead)).to.equal(true)
    const other = await failure(open('account 0', { addresses: { ...world.addresses, chainId: 5 } }))
    expect(isCoveyError(other, 'E_CHAIN_ID'), String(other)).to.equal(true)
    const none = await failure(open('account 0', { addresses: { ...world.addresses, tasks: testSigner('x').address } }))
    expect(isCoveyError(none, 'E_CONTRACT'), String(none)).to.equal(true)
    const swapped = await failure(
      open('account 0', { addresses: { ...world.addresses, tasks: world.addresses.vault } }),
    )
    expect(isCoveyError(swapped, 'E_CONTRACT'), String(swapped)).to.equal(true)
  })

  it('reads its own addresses file back and refuses a broken one', () => {
    expect(parseDeployment(JSON.parse(JSON.stringify(world.addresses)))).to.deep.equal(world.addresses)
    expect(() => parseDeployment({ ...world.addresses, vault: '0x12' }))
      .to.throw(/vault/)
      .with.property('code', 'E_CONFIG')
  })
})
