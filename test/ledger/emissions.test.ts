import { expect } from 'chai'
import { getAddress, zeroPadValue } from 'ethers'
import type { Deployment } from '../../src/ledger/abi/contracts.ts'
import { deployContracts } from '../../src/ledger/chain/deploy.ts'
import { deployEmissions } from '../../src/ledger/chain/deploy-emissions.ts'
import { createEvmEmissions } from '../../src/ledger/evm/emissions.ts'
import { createEvmLedger } from '../../src/ledger/evm/ledger.ts'
import { readHistory } from '../../src/ledger/history/read.ts'
import { createMemoryEmissions } from '../../src/ledger/memory/emissions.ts'
import { createMemoryChain } from '../../src/ledger/memory/ledger.ts'
import type { EmissionTarget } from '../../src/types/emissions.ts'
import type { Address } from '../../src/types/ledger.ts'
import { checkEmissionsExplained } from '../support/emissions-explained.ts'
import { startTestChain, TEST_CHAIN_ID, type TestChain, testSigner } from '../support/ledger-anvil.ts'
import { describeEmissions, TEST_TERMS } from './emissions.behavior.ts'
import { testParams } from './ledger.behavior.ts'

const TOKEN = 10n ** 18n
const NAMES = ['account 0', 'account 1'] as const

describe('emissions', () => {
  describeEmissions('in memory', async () => {
    const clock = { ms: 1_800_000_000_000, now: () => clock.ms, sleep: async () => {} }
    const chain = createMemoryChain({ clock, seed: 'emissions' })
    const emissions = createMemoryEmissions(chain.chain, TEST_TERMS)
    const open = (i: number) => {
      const account = getAddress(zeroPadValue(`0x0${i}`, 20)) as Address
      chain.mint(account, 2000n * TOKEN)
      return [emissions.ledger(account), chain.ledger(account), chain.arenas(account)] as const
    }
    const accounts = [open(1), open(2)] as const
    return {
      accounts,
      async elapse(seconds) {
        clock.ms += seconds * 1000
      },
      async close() {
        const { holder, target } = accounts[0][0]
        const waiting = async (of: Address | EmissionTarget): Promise<bigint> =>
          (await (typeof of === 'string' ? holder(of) : target(of))).waiting
        await checkEmissionsExplained(
          emissions.history(),
          accounts.map(([{ account }]) => account),
          waiting,
        )
      },
    }
  })

  describe('on a chain', function () {
    this.timeout(120_000)
    let world: TestChain
    let addresses: Deployment
    let fresh: unknown

    before(async () => {
      world = await startTestChain(['deployer', ...NAMES])
      const [rpcUrl, signer, chainId] = [world.chain.url, testSigner('deployer'), TEST_CHAIN_ID]
      const money = { supply: 10n ** 26n, unbondingSeconds: 86_400 }
      const bare = await deployContracts({ rpcUrl, chainId, signer, ...money, poll_ms: 5 })
      addresses = await deployEmissions({ rpcUrl, addresses: bare, signer, terms: TEST_TERMS, poll_ms: 5 })
      const bank = createEvmLedger({ rpcUrl, addresses, signer, poll_ms: 5 })
      for (const name of NAMES) await bank.transfer(testSigner(name).address, 2000n * TOKEN)
      await bank.stop()
      fresh = await world.chain.admin('evm_snapshot')
    })
    after(() => world.remove())

    const open = (name: string) => {
      const options = { rpcUrl: world.chain.url, addresses, signer: testSigner(name), poll_ms: 5 }
      const ledger = createEvmLedger(options)
      return [createEvmEmissions(options), ledger, ledger.arenas] as const
    }

    it('have gas for what is emitted between a call’s estimate and its block', async () => {
      const snapshot = await world.chain.admin('evm_snapshot')
      const [emissions, ledger] = open(NAMES[0])
      await emissions.start()
      const admin = (method: string, ...params: unknown[]) => world.chain.admin(method, params)
      try {
        await emissions.open()
        const target = { kind: 'task', id: await ledger.createTask(testParams({ pool: TOKEN })) } as const
        await emissions.lock(TOKEN, 100, target)
        const { timestamp } = (await admin('eth_getBlockByNumber', 'latest', false)) as { readonly timestamp: string }
        const counted = Number(timestamp)
        await admin('evm_setAutomine', false)
        // the estimate is made in the second that has been counted
        await admin('evm_setNextBlockTimestamp', counted)
        const locked = emissions.lock(TOKEN, 100, target)
        const pending = async () => Number(await admin('eth_getTransactionCount', emissions.account, 'pending'))
        const before = Number(await admin('eth_getTransactionCount', emissions.account, 'latest'))
        while ((await pending()) === before) await new Promise((resolve) => setTimeout(resolve, 5))
        await admin('evm_setNextBlockTimestamp', counted + 60)
        await admin('evm_mine')
        await locked
        expect((await emissions.locks(emissions.account)).length).to.equal(2)
      } finally {
        await admin('evm_setAutomine', true)
        await Promise.all([emissions.stop(), ledger.stop()])
        await admin('evm_revert', snapshot)
      }
    })

    describeEmissions('on an EVM', async () => {
      const accounts = [open(NAMES[0]), open(NAMES[1])] as const
      for (const [emissions] of accounts) await emissions.start()
      return {
        accounts,
        async elapse(seconds) {
          await world.chain.admin('evm_increaseTime', [seconds])
          await world.chain.admin('evm_mine')
        },
        async close() {
          const history = await readHistory(world.chain.url, addresses, new AbortController().signal)
          await checkEmissionsExplained(
            history,
            NAMES.map((name) => testSigner(name).address),
            history.emissionsWaiting,
          )
          history.close()
          await Promise.all(accounts.flatMap(([emissions, ledger]) => [emissions.stop(), ledger.stop()]))
          await world.chain.admin('evm_revert', [fresh])
          fresh = await world.chain.admin('evm_snapshot')
        },
      }
    })
  })
})
