/** What every EmissionsLedger does: the same suite for the rules in memory and for the contract on an EVM. */
import { expect } from 'chai'
import type { ArenaLedger } from '../../src/types/arena.ts'
import type { EmissionsLedger, EmissionTerms } from '../../src/types/emissions.ts'
import type { Ledger } from '../../src/types/ledger.ts'
import { testArenaParams } from './arena.behavior.ts'
import { refusal, testParams } from './ledger.behavior.ts'

const TOKEN = 10n ** 18n
export const DAY = 86_400

/** A tenth of what is left a day, a fifth of it to lockers, at full speed from 100 tokens for 100 days. */
export const TEST_TERMS: EmissionTerms = {
  supply: 1000n * TOKEN,
  rate: 100_000_000,
  holderBps: 2000,
  fullWeight: 10_000n * TOKEN,
}

export interface EmissionsWorld {
  /** two funded accounts (2,000 tokens each) and their ledgers; the schedule has not begun */
  readonly accounts: readonly [
    readonly [EmissionsLedger, Ledger, ArenaLedger],
    readonly [EmissionsLedger, Ledger, ArenaLedger],
  ]
  elapse(seconds: number): Promise<void>
  close(): Promise<void>
}

/** Equal but for what rounding leaves over, and what passes while a few blocks are sealed. */
function near(got: bigint, expected: bigint): void {
  const slack = expected / 1000n
  expect(got + slack >= expected && got <= expected + slack, `${got}, expected about ${expected}`).to.equal(true)
}

export function describeEmissions(kind: string, open: () => Promise<EmissionsWorld>): void {
  describe(`Emissions: ${kind}`, () => {
    let world: EmissionsWorld
    let ann: EmissionsLedger
    let bob: EmissionsLedger
    let annsTasks: Ledger
    let bobsTasks: Ledger
    let annsArenas: ArenaLedger
    beforeEach(async () => {
      world = await open()
      ;[[ann, annsTasks, annsArenas], [bob, bobsTasks]] = world.accounts
    })
    afterEach(() => world.close())

    const task = async (): Promise<{ kind: 'task'; id: number }> => ({
      kind: 'task',
      id: await annsTasks.createTask(testParams({ pool: 10n * TOKEN })),
    })

    it('begins once, with the whole supply', async () => {
      const before = await ann.view()
      expect(before).to.deep.equal({
        terms: TEST_TERMS,
        opened: false,
        emitted: 0n,
        day: 0,
        today: 0n,
        totalWeight: 0n,
      })
      expect(await ann.open()).to.not.equal(null)
      expect(await bob.open()).to.equal(null)
      expect(await bob.view()).to.deep.equal({ ...before, opened: true, today: 100n * TOKEN })
      expect((await annsTasks.accountView(ann.account)).wallet).to.equal(1000n * TOKEN)
      // nothing is locked: the schedule stands
      await world.elapse(10 * DAY)
      expect((await ann.view()).emitted).to.equal(0n)
    })

    it('deals each day by weight: to the tasks’ pools when somebody pulls, and to the lockers', async () => {
      await ann.open()
      const [first, second] = [await task(), await task()]
      expect((await ann.lock(75n * TOKEN, 100, first)).lock).to.equal(1)
      expect((await bob.lock(50n * TOKEN, 50, second)).lock).to.equal(2)
      expect((await bob.view()).totalWeight).to.equal(10_000n * TOKEN)
      await world.elapse(DAY)
      const { emitted, today, day } = await ann.view()
      near(emitted, 100n * TOKEN)
      expect([day, today]).to.deep.equal([1, 90n * TOKEN])
      // three quarters, and a fifth of it to the locker
      near((await bob.target(first)).waiting, 60n * TOKEN)
      near((await bob.holder(ann.account)).waiting, 15n * TOKEN)
      near((await bob.target(second)).waiting, 20n * TOKEN)
      near((await bob.holder(bob.account)).waiting, 5n * TOKEN)
      const pulled = await ann.pull(second)
      near(pulled?.amount ?? 0n, 20n * TOKEN)
      expect(pulled?.burnt).to.equal(false)
      near((await annsTasks.task(second.id)).poolLeft, 30n * TOKEN)
      const { wallet } = await bobsTasks.accountView(bob.account)
      const claimed = await bob.claim()
      near(claimed?.amount ?? 0n, 5n * TOKEN)
      expect((await bobsTasks.accountView(bob.account)).wallet - wallet).to.equal(claimed?.amount)
    })

    it('runs slower while little is locked: the first wei does not get the whole day', async () => {
      await ann.open()
      const only = await task()
      await ann.lock(1n * TOKEN, 100, only)
      await world.elapse(DAY)
      // a hundredth of the full weight, a hundredth of the day
      near((await ann.view()).emitted, 1n * TOKEN)
    })

    it('turns a weight to another task from then on, and lets it go after the notice', async () => {
      await ann.open()
      const [first, second] = [await task(), await task()]
      const { lock: id, hash } = await ann.lock(100n * TOKEN, 100, first)
      expect(hash).to.match(/^0x[0-9a-f]{64}$/)
      expect(await ann.locks(ann.account)).to.deep.equal([
        { id, amount: 100n * TOKEN, noticeDays: 100, freeAt: null, target: first },
      ])
      await world.elapse(DAY)
      expect(await ann.direct(id, first)).to.equal(null)
      await ann.direct(id, second)
      await world.elapse(DAY)
      near((await ann.target(first)).waiting, 80n * TOKEN)
      near((await ann.target(second)).waiting, 72n * TOKEN)
      await refusal('UnknownLock', bob.direct(id, first))
      await refusal('UnknownLock', bob.unlock(id))
      await refusal('NoNotice', ann.withdraw(id))
      await ann.unlock(id)
      expect(await ann.unlock(id)).to.equal(null)
      await refusal('NoticeStands', ann.direct(id, first))
      await refusal('StillLocked', ann.withdraw(id))
      expect((await ann.holder(ann.account)).weight).to.equal(0n)
      const { emitted } = await ann.view()
      await world.elapse(100 * DAY + 1)
      expect((await ann.view()).emitted).to.equal(emitted)
      const { wallet } = await annsTasks.accountView(ann.account)
      await ann.withdraw(id)
      expect((await annsTasks.accountView(ann.account)).wallet).to.equal(wallet + 100n * TOKEN)
      expect(await ann.withdraw(id)).to.equal(null)
      expect(await ann.locks(ann.account)).to.deep.equal([])
    })

    it('burns what a closed task’s weight earns, and what is left of what a task was given', async () => {
      await ann.open()
      const closed = await task()
      const open_ = await task()
      const { lock: id } = await bob.lock(100n * TOKEN, 100, closed)
      await world.elapse(DAY)
      await ann.pull(closed)
      const granted = (await annsTasks.task(closed.id)).poolLeft - 10n * TOKEN
      near(granted, 80n * TOKEN)
      // the creator closes it before it began: its own pool comes back and nothing of what was given
      await annsTasks.cancelTask(closed.id)
      expect((await annsTasks.accountView(ann.account)).claimable).to.equal(10n * TOKEN)
      await world.elapse(DAY)
      expect((await bob.target(closed)).waiting > 0n).to.equal(true)
      expect((await bob.pull(closed))?.burnt).to.equal(true)
      expect((await annsTasks.task(closed.id)).poolLeft).to.equal(0n)
      await refusal('TargetClosed', ann.lock(TOKEN, 100, closed))
      await refusal('TargetClosed', ann.lock(TOKEN, 100, { kind: 'task', id: 99 }))
      await bob.direct(id, open_)
      expect((await bob.locks(bob.account))[0]?.target).to.deep.equal(open_)
    })

    it('goes to an arena’s pool as to a task’s, and is burnt once the arena is over', async () => {
      await ann.open()
      const now = await annsTasks.time()
      const change = { pool: 10n * TOKEN, endsAt: now + 3 * DAY }
      const arena = { kind: 'arena', id: await annsArenas.create(testArenaParams(now, change)) } as const
      const beside = await task()
      const { lock: id } = await bob.lock(50n * TOKEN, 100, arena)
      await ann.lock(50n * TOKEN, 100, beside)
      expect((await bob.locks(bob.account))[0]?.target).to.deep.equal(arena)
      await world.elapse(DAY)
      expect(await bob.pull(arena)).to.not.equal(null)
      const { poolLeft } = await annsArenas.arena(arena.id)
      near(poolLeft - 10n * TOKEN, 40n * TOKEN)
      near((await ann.target(beside)).waiting, 40n * TOKEN)
      // over by its clock, though nobody has closed it yet: what its weight earns from now on is burnt
      await world.elapse(2 * DAY)
      await refusal('TargetClosed', ann.lock(TOKEN, 100, arena))
      await refusal('TargetClosed', ann.lock(TOKEN, 100, { kind: 'arena', id: 9 }))
      expect((await bob.target(arena)).waiting > 0n).to.equal(true)
      await bob.pull(arena)
      expect((await annsArenas.arena(arena.id)).poolLeft).to.equal(poolLeft)
      // of the pool's rest the creator gets what it had put in, and nothing of what was given
      await annsArenas.close(arena.id)
      expect((await annsArenas.credit(ann.account)).claimable).to.equal(10n * TOKEN)
      await bob.direct(id, beside)
      expect((await bob.locks(bob.account))[0]?.target).to.deep.equal(beside)
    })

    it('says what is wrong with a lock, and does nothing when nothing waits', async () => {
      const some = await task()
      await refusal('NothingLocked', ann.lock(0n, 100, some))
      await refusal('BadNotice', ann.lock(TOKEN, 6, some))
      await refusal('BadNotice', ann.lock(TOKEN, 729, some))
      await refusal('ERC20InsufficientBalance', ann.lock(5000n * TOKEN, 100, some))
      for (let i = 0; i < 16; i++) await ann.lock(1n, 7, some)
      await refusal('TooManyLocks', ann.lock(1n, 7, some))
      expect([await ann.pull(some), await ann.claim()]).to.deep.equal([null, null])
      expect((await ann.view()).opened).to.equal(false)
    })
  })
}
