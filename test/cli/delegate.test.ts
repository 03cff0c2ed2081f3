import { expect } from 'chai'
import type { DelegationView, OperatorView, UnbondingView } from '../../src/types/ledger.ts'
import { type CliWorld, startCliWorld, TOKEN } from '../support/cli-world.ts'
import { expectRejects } from '../support/expect-error.ts'

describe('covey delegate', function () {
  this.timeout(60_000)
  let world: CliWorld<'operator' | 'holder'>
  const covey: typeof world.covey = (home, line) => world.covey(home, line)

  before(async () => {
    world = await startCliWorld(['operator', 'holder'], 1000)
  })
  after(() => world.remove())

  it('goes from an operator that opens itself to a delegator that takes everything back', async () => {
    const { operator, holder } = world.accounts
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
      `delegate to ${world.accounts.operator} 0`,
      `delegate undelegate ${world.accounts.operator} some`,
      'delegate commission 50.01',
      'delegate commission 1.234',
      'delegate commission x',
    ])
      await expectRejects(() => covey('holder', line), 'E_CONFIG')
  })
})
