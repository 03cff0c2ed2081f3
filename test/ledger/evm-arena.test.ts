import { expect } from 'chai'
import type { Deployment } from '../../src/ledger/abi/contracts.ts'
import { deployContracts } from '../../src/ledger/chain/deploy.ts'
import { createEvmLedger, type EvmLedger } from '../../src/ledger/evm/ledger.ts'
import { explainRewards } from '../../src/ledger/history/explain.ts'
import { readHistory } from '../../src/ledger/history/read.ts'
import { stakeHistory } from '../../src/ledger/history/stake.ts'
import { startTestChain, TEST_CHAIN_ID, type TestChain, testSigner } from '../support/ledger-anvil.ts'
import { describeArenaLedger } from './arena.behavior.ts'

const TOKEN = 10n ** 18n
const NAMES = Array.from({ length: 6 }, (_, i) => `account ${i}`)

/** Whatever was played: what events explain is what the arenas and the vault owe, to the last wei. */
async function checkExplained(rpcUrl: string, at: Deployment, ledgers: readonly EvmLedger[]): Promise<void> {
  const history = await readHistory(rpcUrl, at, new AbortController().signal)
  for (const { account } of ledgers) {
    const told = explainRewards(history, account)
    const owed = (await history.delegations(account)).reduce((sum, d) => sum + d.rewards, 0n)
    expect(told.disagreements).to.deep.equal([])
    expect(told.arenas.totals.claimable).to.equal(await history.arenaClaimable(account))
    expect(told.totals.delegated.claimable).to.equal(owed)
    const { stake, unbonding } = await history.account(account)
    const after = stakeHistory(history, account).at(-1)?.after
    expect([after?.stake ?? 0n, after?.unbonding ?? 0n]).to.deep.equal([stake, unbonding])
  }
  history.close()
}

describe('EVM arenas', () => {
  let world: TestChain
  let addresses: Deployment
  let fresh: unknown

  // one anvil and one deployment for all; each test begins from the same snapshot
  before(async () => {
    world = await startTestChain(['deployer', ...NAMES])
    const signer = testSigner('deployer')
    const rpcUrl = world.chain.url
    const [supply, unbondingSeconds] = [10n ** 26n, 86_400]
    addresses = await deployContracts({ rpcUrl, chainId: TEST_CHAIN_ID, signer, supply, unbondingSeconds, poll_ms: 5 })
    const treasury = createEvmLedger({ rpcUrl, addresses, signer, poll_ms: 5 })
    await Promise.all(NAMES.map((name) => treasury.transfer(testSigner(name).address, 1000n * TOKEN)))
    await treasury.stop()
    fresh = await world.chain.admin('evm_snapshot')
  })
  after(() => world.remove())

  describeArenaLedger('on an EVM', async () => {
    let ledgers: EvmLedger[] = []
    return {
      async players(count) {
        ledgers = NAMES.slice(0, count).map((name) =>
          createEvmLedger({ rpcUrl: world.chain.url, addresses, signer: testSigner(name), poll_ms: 5 }),
        )
        return ledgers.map((ledger) => ({ ledger, arenas: ledger.arenas }))
      },
      async elapse(seconds) {
        await world.chain.admin('evm_increaseTime', [seconds])
        await world.chain.admin('evm_mine')
      },
      async close() {
        await checkExplained(world.chain.url, addresses, ledgers)
        await Promise.all(ledgers.map((ledger) => ledger.stop()))
        await world.chain.admin('evm_revert', [fresh])
        fresh = await world.chain.admin('evm_snapshot')
      },
    }
  })
})
