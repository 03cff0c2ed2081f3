import { getAddress, zeroPadValue } from 'ethers'
import { createMemoryChain } from '../../../src/ledger/memory/ledger.ts'
import type { Address } from '../../../src/types/ledger.ts'
import { checkArenasExplained } from '../../support/arena-explained.ts'
import { describeArenaLedger } from '../arena.behavior.ts'

const address = (i: number): Address =>
  getAddress(zeroPadValue(`0x${(i + 1).toString(16).padStart(2, '0')}`, 20)) as Address

describeArenaLedger('in memory', async () => {
  let ms = 1_800_000_000_000
  let count = 0
  const clock = {
    now: () => ms,
    async sleep(by: number) {
      ms += by
    },
  }
  const chain = createMemoryChain({ clock, seed: 'arenas' })
  return {
    async players(wanted) {
      count = wanted
      return Array.from({ length: count }, (_, i) => {
        chain.mint(address(i), 1000n * 10n ** 18n)
        return { ledger: chain.ledger(address(i)), arenas: chain.arenas(address(i)) }
      })
    },
    async elapse(seconds) {
      ms += seconds * 1000
    },
    async close() {
      const players = Array.from({ length: count }, (_, i) => chain.arenas(address(i)))
      await checkArenasExplained(chain.chain.history(), players, async (account) => {
        const ledger = chain.ledger(account)
        return { delegations: await ledger.delegations(account), slashed: (await ledger.accountView(account)).slashed }
      })
    },
  }
})
