import { expect } from 'chai'
import { getAddress, zeroPadValue } from 'ethers'
import { treeOf } from '../../../../cli/cmds/rewards-explain/tree.ts'
import { formatAmount } from '../../../../src/ledger/amount.ts'
import { explainRewards } from '../../../../src/ledger/history/explain.ts'
import { createMemoryChain } from '../../../../src/ledger/memory/ledger.ts'
import type { Address } from '../../../../src/types/ledger.ts'
import { playMoneyScene } from '../../../support/money-scenario.ts'

const TOKEN = 10n ** 18n

describe('an explanation as a tree', () => {
  it('tells each seat from its scores to what was kept, and ends in the sums', async () => {
    let ms = 1_800_000_000_000
    const elapse = async (seconds: number): Promise<void> => {
      ms += seconds * 1000
    }
    const memory = createMemoryChain({ clock: { now: () => ms, sleep: async () => {} }, seed: 'one' })
    const { all } = await playMoneyScene({
      elapse,
      ledgers: async (count) =>
        Array.from({ length: count }, (_, i) => {
          const account = getAddress(zeroPadValue(`0x${(i + 1).toString(16).padStart(2, '0')}`, 20)) as Address
          memory.mint(account, 1000n * TOKEN)
          return memory.ledger(account)
        }),
    })
    const history = memory.chain.history()
    const texts = all.map(({ account }) => {
      const explained = explainRewards(history, account)
      const text = treeOf(explained, formatAmount).join('\n')
      expect(text).to.match(new RegExp(`^account ${account}\n`))
      // what is paid, kept and owed stands in it, to the wei
      for (const seat of explained.seats) expect(text).to.contain(`= ${formatAmount(seat.kept)}`)
      for (const d of explained.delegations)
        expect(text).to.contain(`= ${formatAmount(d.amount)} for this account's shares`)
      expect(text).to.contain(formatAmount(explained.totals.claimable))
      return text
    })
    const whole = texts.join('\n')
    for (const part of [
      /round \d {2}proposer, included {2}[\d.]+ COVEY at the draw {2}2027-01-15T/,
      /scores \(nats\): 0x0000…\w{4} 0\.0\d{3}, .*median by stake 0\.0\d{3}/,
      /\+ [\d.]+ COVEY, an equal share of \d/,
      /\+ [\d.]+ COVEY, its median is 0\.0\d{3} of 0\.\d{4} in all/,
      /− [\d.]+ COVEY to those who delegate to it, by stake, less a commission of 12\.34 %/,
      /round \d {2}voter, agreed/,
      /it committed and did not reveal/,
      /slashed 10 % of what stood behind the seat: [\d.]+ COVEY burnt/,
      /left when the task was cancelled/,
    ])
      expect(whole).to.match(part)
  })
})
