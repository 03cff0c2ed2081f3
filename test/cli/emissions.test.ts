import { expect } from 'chai'
import type { LockView } from '../../src/types/emissions.ts'
import { testArenaParams } from '../ledger/arena.behavior.ts'
import { testParams } from '../ledger/ledger.behavior.ts'
import { type CliWorld, startCliWorld, TOKEN } from '../support/cli-world.ts'
import { expectRejects } from '../support/expect-error.ts'

describe('covey emissions', function () {
  this.timeout(60_000)
  let world: CliWorld<'giver' | 'holder'>
  const covey: typeof world.covey = (home, line) => world.covey(home, line)

  before(async () => {
    world = await startCliWorld(['giver', 'holder'], 10_000, async (bank) => {
      expect(await bank.createTask(testParams({ pool: 10n * TOKEN }))).to.equal(1)
      expect(await bank.createTask(testParams({ pool: 10n * TOKEN }))).to.equal(2)
      const change = { pool: 10n * TOKEN, endsAt: (await bank.time()) + 700 * 86_400 }
      expect(await bank.arenas.create(testArenaParams(0, change))).to.equal(1)
    })
  })
  after(() => world.remove())

  const elapse = async (seconds: number): Promise<void> => {
    await world.chain.admin('evm_increaseTime', [seconds])
    await world.chain.admin('evm_mine')
  }

  it('goes from an empty deployment to what a lock earned, and back to the tokens', async () => {
    const { holder } = world.accounts
    expect(String(await expectRejects(() => covey('holder', 'emissions show'), 'E_CONFIG'))).to.contain('deploy')
    await expectRejects(() => covey('holder', 'emissions explain'), 'E_CONFIG')
    // a tenth a day of 800, half of it to lockers, at full speed from 10 tokens locked for a year
    const terms = '--rate 100000000 --holders 50 --full-lock 10'
    const deployed = await covey('giver', `emissions deploy 800 ${terms}`)
    expect(deployed.text).to.match(/^emissions at 0x[0-9a-fA-F]{40}; `covey emissions open` begins them\n$/)
    await expectRejects(() => covey('giver', `emissions deploy 800 ${terms}`), 'E_CONFIG')
    expect((await covey('giver', 'emissions open')).text).to.equal('begun: 800 COVEY, 80 COVEY on the first day\n')
    expect((await covey('giver', 'emissions open')).result.transaction).to.equal(null)

    const locked = await covey('holder', 'emissions lock 100 --task 1 --days 365')
    expect(locked.text).to.equal('lock 1: 100 COVEY for task 1, 365 days of notice\n')
    expect(locked.result.transaction).to.match(/^0x[0-9a-f]{64}$/)
    await elapse(86_400)
    const shown = await covey('holder', 'emissions show')
    expect(shown.text).to.contain('lock 1  100 COVEY for task 1, 365 days of notice').and.contain('at 100 %')
    const half = 40n * TOKEN
    const nearly = (got: unknown): boolean => {
      const off = (got as bigint) - half
      return off * off < (half / 100n) ** 2n
    }
    expect(nearly(shown.result.claimable)).to.equal(true)
    const [task] = shown.result.targets as [{ kind: string; id: number; waiting: bigint }]
    expect([task.kind, task.id, nearly(task.waiting)]).to.deep.equal(['task', 1, true])

    expect((await covey('giver', 'emissions pull 1')).text).to.match(
      /^(39|40)\.\d+ COVEY pulled into the pool of task 1\n$/,
    )
    expect((await covey('giver', 'emissions pull 2')).text).to.equal('nothing waits for task 2\n')
    expect((await covey('giver', 'task show 1')).text).to.match(/pool {3}(49|50)\.\d+ COVEY/)
    expect((await covey('holder', 'emissions direct 1 --task 2')).text).to.equal('lock 1 is for task 2\n')
    const paid = await covey('holder', 'emissions claim')
    expect(paid.text).to.match(/^(39|40)\.\d+ COVEY claimed\n$/)
    expect([nearly(paid.result.claimed), paid.result.account]).to.deep.equal([true, holder])

    const explained = await covey('holder', 'emissions explain')
    expect(explained.result.agrees).to.equal(true)
    for (const part of [
      /lock 1 {2}100 COVEY, 365 days of notice: weighs 36500 COVEY-days/,
      / {2}for task 1 from .*Z on\n {2}for task 2 from .*Z on\n {2}= 40\.\d+ COVEY/,
      /the 50 % of it that are the lockers' own/,
      /task 1 {2}(39|40)\.\d+ COVEY by this account's weight; of everybody's (39|40)\.\d+ COVEY pulled into its pool, [\d.]+ COVEY waiting/,
      /= claimable +0 COVEY|= claimable +0\.\d+ COVEY/,
      /the contract owes exactly this/,
    ])
      expect(explained.text).to.match(part)
    const given = await covey('holder', 'emissions unlock 1')
    expect(given.text).to.match(/^lock 1 weighs nothing now: `covey emissions withdraw 1` from .*Z on\n$/)
    const early = await expectRejects(() => covey('holder', 'emissions withdraw 1'), 'E_REVERT')
    expect(String(early)).to.contain('StillLocked')
    await elapse(366 * 86_400)
    expect((await covey('holder', 'emissions withdraw 1')).text).to.equal('lock 1 is withdrawn\n')
    const after = await covey('holder', 'emissions show')
    expect(after.result.locks as LockView[]).to.deep.equal([])
    const { totals, agrees } = (await covey('holder', 'emissions explain')).result as {
      totals: { earned: bigint; claimed: bigint }
      agrees: boolean
    }
    expect(agrees).to.equal(true)
    expect(totals.earned >= totals.claimed).to.equal(true)
    await covey('holder', 'emissions claim')
    expect((await covey('holder', 'emissions claim')).text).to.equal('nothing to claim\n')
  })

  it('is for arenas too', async () => {
    expect((await covey('holder', 'emissions lock 50 --arena 1 --days 365')).text).to.equal(
      'lock 2: 50 COVEY for arena 1, 365 days of notice\n',
    )
    await elapse(86_400)
    const { targets } = (await covey('holder', 'emissions show')).result
    expect((targets as readonly { kind: string; id: number }[]).map(({ kind, id }) => `${kind} ${id}`)).to.deep.equal([
      'arena 1',
    ])
    expect((await covey('giver', 'emissions pull --arena 1')).text).to.match(
      /^[\d.]+ COVEY pulled into the pool of arena 1\n$/,
    )
    expect((await covey('giver', 'emissions pull --arena 9')).text).to.equal('nothing waits for arena 9\n')
    expect((await covey('giver', 'arena show 1')).text).to.match(
      /pool {3}(1\d|[2-9]\d)\.\d+ COVEY left; 10 COVEY at its creation/,
    )
    expect((await covey('holder', 'emissions direct 2 --task 1')).text).to.equal('lock 2 is for task 1\n')
    const { text, result } = await covey('holder', 'emissions explain')
    expect(result.agrees).to.equal(true)
    expect(text).to.match(/arena 1 {2}[\d.]+ COVEY by this account's weight/)
  })

  it('burns the part of what is over, and says so', async () => {
    await covey('holder', 'emissions direct 2 --arena 1')
    await elapse(400 * 86_400)
    expect((await covey('giver', 'emissions pull --arena 1')).text).to.match(/^[\d.]+ COVEY burnt: arena 1 is over\n$/)
    const { agrees } = (await covey('holder', 'emissions explain')).result
    expect(agrees).to.equal(true)
  })

  it('says what is wrong with what was typed', async () => {
    for (const line of [
      'emissions lock 5',
      'emissions lock x --task 1',
      'emissions unlock 0',
      'emissions pull one',
      'emissions direct 1',
      'emissions direct 1 --task 1 --arena 1',
      'emissions pull',
      'emissions pull 1 --arena 1',
    ])
      await expectRejects(() => covey('holder', line), 'E_CONFIG')
  })
})
