import { expect } from 'chai'
import type { Deployment } from '../../src/ledger/abi/contracts.ts'
import { createEvmLedger, type EvmLedger } from '../../src/ledger/evm/ledger.ts'
import { explainRewards } from '../../src/ledger/history/explain.ts'
import { readHistory } from '../../src/ledger/history/read.ts'
import { stakeHistory } from '../../src/ledger/history/stake.ts'
import { checkArenasExplained } from '../support/arena-explained.ts'
import { type LedgerWorld, startLedgerWorld, testSigner } from '../support/ledger-anvil.ts'
import { describeArenaLedger } from './arena.behavior.ts'

const NAMES = Array.from({ length: 6 }, (_, i) => `account ${i}`)

/** Whatever was played: what events explain is what the arenas and the vault owe, to the last wei. */
async function checkExplained(rpcUrl: string, at: Deployment, ledgers: readonly EvmLedger[]): Promise<void> {
  const history = await readHistory(rpcUrl, at, new AbortController().signal)
  const arenas = ledgers.map((ledger) => ledger.arenas)
  await checkArenasExplained(history, arenas, async (account) => ({
    delegations: await history.delegations(account),
    slashed: (await history.account(account)).slashed,
  }))
  for (const { account } of ledgers) {
    expect(explainRewards(history, account).arenas.totals.claimable).to.equal(await history.arenaClaimable(account))
    const { stake, unbonding } = await history.account(account)
    const after = stakeHistory(history, account).at(-1)?.after
    expect([after?.stake ?? 0n, after?.unbonding ?? 0n]).to.deep.equal([stake, unbonding])
  }
  history.close()
}

describe('EVM arenas', () => {
  let world: LedgerWorld

  before(async () => {
    world = await startLedgerWorld(NAMES)
  })
  after(() => world.remove())

  describeArenaLedger('on an EVM', async () => {
    let ledgers: EvmLedger[] = []
    return {
      async players(count) {
        ledgers = NAMES.slice(0, count).map((name) =>
          createEvmLedger({
            rpcUrl: world.chain.url,
            addresses: world.addresses,
            signer: testSigner(name),
            poll_ms: 5,
          }),
        )
        return ledgers.map((ledger) => ({ ledger, arenas: ledger.arenas }))
      },
      async elapse(seconds) {
        await world.chain.admin('evm_increaseTime', [seconds])
        await world.chain.admin('evm_mine')
      },
      async close() {
        await checkExplained(world.chain.url, world.addresses, ledgers)
        await Promise.all(ledgers.map((ledger) => ledger.stop()))
        await world.restore()
      },
    }
  })
})
