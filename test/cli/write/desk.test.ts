import { expect } from 'chai'
import { keccak256, type TransactionReceipt } from 'ethers'
import { Output } from '../../../cli/output.ts'
import { askingSigner, type Charge } from '../../../cli/write/asking-signer.ts'
import { WriteDesk } from '../../../cli/write/desk.ts'
import { Outbox } from '../../../cli/write/outbox.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import { createMemoryTxJournal, type TxIntent } from '../../../src/ledger/tx/journal.ts'
import { createMemoryStore } from '../../../src/store/memory-store.ts'
import type { Hex, TxReceipt } from '../../../src/types/ledger.ts'
import type { KeyValue } from '../../../src/types/store.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { testSigner } from '../../support/ledger-anvil.ts'

const signer = testSigner('desk')
const RAW: Hex = '0x02ab'
const HASH = keccak256(RAW) as Hex
const intent: TxIntent = { id: 'x', chainId: 1, account: signer.address, nonce: 0, call: 'deposit', raw: [RAW] }
const receipt: TxReceipt = { hash: HASH, block: 7, gasUsed: 5n }
const charge: Charge = { to: signer.address, data: '0x1234', gasLimit: 100n, maxFeePerGas: 10n ** 9n, raised: false }
const plan = { command: "stake deposit '1 COVEY'", does: ['put 1 COVEY at stake'] } as const

interface World {
  readonly facts: KeyValue
  /** hash -> status of what is in a block */
  readonly mined: Map<Hex, number>
  latest: number
  pending: number
}

/** A process: its desk, what it printed, and how a transaction of it is recorded. */
function start(world: World, yes = true) {
  let text = ''
  const write = (part: string): void => {
    text += part
  }
  const output = new Output(false, { stdout: { write }, stderr: { write } })
  const abort = new AbortController()
  const journal = createMemoryTxJournal()
  const outbox = new Outbox(world.facts, 1, signer.address)
  const desk = new WriteDesk({
    context: { output, signal: abort.signal, env: {}, yes, fail: () => {} },
    outbox,
    journal,
    chain: {
      async receipt(hash) {
        const status = world.mined.get(hash)
        return status === undefined ? null : ({ status, blockNumber: 7, fee: 9n } as TransactionReceipt)
      },
      nonce: async (tag) => world[tag],
    },
  })
  return { desk, outbox, inner: journal, journal: outbox.journal(journal), abort, printed: () => text }
}

const fresh = (): World => ({ facts: createMemoryStore().facts, mined: new Map(), latest: 0, pending: 0 })

/** A process that dies after its transaction was recorded. */
async function die(world: World): Promise<void> {
  const { desk, journal } = start(world)
  const act = async (): Promise<TxReceipt> => {
    await journal.record(intent)
    throw new CoveyError('E_ABORTED', 'killed')
  }
  await expectRejects(() => desk.send(plan, act), 'E_ABORTED')
}

describe('the desk of writing commands', () => {
  it('sends what was agreed to, once, and forgets it when it is done', async () => {
    const world = fresh()
    world.mined.set(HASH, 1)
    const { desk, journal, outbox, printed } = start(world)
    let calls = 0
    const sent = await desk.send(plan, async () => {
      calls++
      await desk.approve(charge)
      await journal.record(intent)
      return receipt
    })
    expect([calls, sent]).to.deep.equal([1, { hash: HASH, block: 7, fee: 9n, earlier: false }])
    expect(printed()).to.contain('put 1 COVEY at stake').and.to.contain('at most 0.0000001 of the chain')
    expect(await outbox.find(plan.command)).to.equal(undefined)
  })

  for (const [what, prepare, expected] of [
    ['is in a block: not done again', (w: World) => w.mined.set(HASH, 1), 0],
    ['was refused in a block: done anew', (w: World) => w.mined.set(HASH, 0), 1],
    ['never left: done anew', () => {}, 1],
  ] as const) {
    it(`an interrupted one that ${what}`, async () => {
      const world = fresh()
      await die(world)
      prepare(world)
      const { desk, printed } = start(world)
      let calls = 0
      const sent = await desk.send(plan, async () => {
        calls++
        return receipt
      })
      expect([calls, sent.earlier, sent.hash]).to.deep.equal([expected, expected === 0, HASH])
      expect(printed().includes('Nothing was sent now')).to.equal(expected === 0)
      // whoever asks a third time means it
      expect((await start(world).desk.send(plan, async () => receipt)).earlier).to.equal(false)
    })
  }

  it('waits for one that the queue still looks after', async () => {
    const world = fresh()
    await die(world)
    const { desk, inner } = start(world)
    await inner.record(intent)
    setTimeout(() => world.mined.set(HASH, 1), 20)
    expect((await desk.send(plan, async () => receipt)).earlier).to.equal(true)
  })

  it('knows one that was made dearer meanwhile', async () => {
    const world = fresh()
    await die(world)
    const { desk, inner } = start(world)
    const dearer: Hex = '0x02cd'
    await inner.record({ ...intent, raw: [RAW, dearer] })
    setTimeout(() => {
      world.mined.set(keccak256(dearer) as Hex, 1)
      void inner.settle(intent.id)
    }, 20)
    const sent = await desk.send(plan, async () => receipt)
    expect([sent.earlier, sent.hash]).to.deep.equal([true, keccak256(dearer)])
  })

  it('asks the nonce of a signer that sends by itself', async () => {
    for (const [latest, pending, earlier] of [
      [1, 1, true],
      [0, 0, false],
    ] as const) {
      const world = fresh()
      const dying = start(world)
      const act = async (): Promise<TxReceipt> => {
        await dying.outbox.asked(0)
        throw new CoveyError('E_SIGNER', 'gone')
      }
      await expectRejects(() => dying.desk.send(plan, act), 'E_SIGNER')
      Object.assign(world, { latest, pending })
      expect((await start(world).desk.send(plan, async () => receipt)).earlier).to.equal(earlier)
    }
  })

  it('repeats what does no harm, and does not keep what a contract refused', async () => {
    const world = fresh()
    await die(world)
    world.mined.set(HASH, 1)
    expect((await start(world).desk.send({ ...plan, repeatable: true }, async () => null)).earlier).to.equal(false)
    const { desk, journal, outbox } = start(world)
    const refused = async (): Promise<TxReceipt> => {
      await journal.record(intent)
      throw new CoveyError('E_REVERT', 'no')
    }
    await expectRejects(() => desk.send(plan, refused), 'E_REVERT')
    expect(await outbox.find(plan.command)).to.equal(undefined)
  })

  it('names the price of what it does not do', async () => {
    const { desk } = start(fresh(), false)
    expect(await desk.price(async () => desk.approve(charge))).to.deep.equal(charge)
    expect(await desk.price(async () => 1)).to.equal(null)
    const refuse = async (): Promise<never> => {
      throw new CoveyError('E_FUNDS', 'poor')
    }
    await expectRejects(() => desk.price(refuse), 'E_FUNDS')
  })

  it('is asked by the signer before each transaction, and told when one is made dearer', async () => {
    const seen: boolean[] = []
    const asking = askingSigner(signer, async ({ raised }) => void seen.push(raised))
    const transaction = {
      type: 2,
      chainId: 1,
      nonce: 3,
      to: signer.address,
      data: '0x12',
      value: 0n,
      gasLimit: 21_000n,
      maxFeePerGas: 1n,
      maxPriorityFeePerGas: 1n,
    }
    await asking.signTransaction(transaction)
    await asking.signTransaction({ ...transaction, maxFeePerGas: 2n })
    await asking.signTransaction({ ...transaction, nonce: 4 })
    await asking.signTransaction({ ...transaction, data: '0x13' })
    expect(seen).to.deep.equal([false, true, false, false])
    const refusing = askingSigner(signer, async () => {
      throw new CoveyError('E_ABORTED', 'no')
    })
    await expectRejects(() => refusing.signTransaction(transaction), 'E_ABORTED')
  })
})
