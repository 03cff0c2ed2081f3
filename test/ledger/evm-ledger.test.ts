import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keccak256, toUtf8Bytes } from 'ethers'
import { createMemorySigner } from '../../src/ledger/accounts.ts'
import { deployContracts } from '../../src/ledger/deploy.ts'
import { createEvmLedger } from '../../src/ledger/evm-ledger.ts'
import { type LocalChain, startLocalChain } from '../../src/ledger/local-chain.ts'
import type { Hex, Ledger } from '../../src/types/ledger.ts'
import { describeLedger } from './ledger.behavior.ts'

const key = (text: string): Hex => keccak256(toUtf8Bytes(text)) as Hex
const TOKEN = 10n ** 18n

describe('EVM ledger', () => {
  let dir: string
  let chain: LocalChain
  const deployer = createMemorySigner(key('deployer'))
  const signers = Array.from({ length: 8 }, (_, i) => createMemorySigner(key(`account ${i}`)))

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'covey-ledger-'))
    const funded = Object.fromEntries([deployer, ...signers].map((s) => [s.address, 10n ** 21n]))
    chain = await startLocalChain({ dir, chainId: 31_337, funded, seal_ms: 5 })
  })
  after(async () => {
    await chain.stop()
    await rm(dir, { recursive: true })
  })

  describeLedger('on an EVM', async () => {
    // one anvil for all, fresh contracts for each test
    const addresses = await deployContracts({
      rpcUrl: chain.url,
      chainId: 31_337,
      signer: deployer,
      supply: 10n ** 26n,
      unbondingSeconds: 86_400,
      poll_ms: 5,
    })
    const open: Ledger[] = []
    const treasury = createEvmLedger({ rpcUrl: chain.url, addresses, signer: deployer, poll_ms: 5 })
    open.push(treasury)
    return {
      async ledgers(count) {
        const ledgers = signers
          .slice(0, count)
          .map((signer) => createEvmLedger({ rpcUrl: chain.url, addresses, signer, poll_ms: 5 }))
        open.push(...ledgers)
        await Promise.all(ledgers.map((ledger) => treasury.transfer(ledger.account, 1000n * TOKEN)))
        return ledgers
      },
      async elapse(seconds) {
        await chain.admin('evm_increaseTime', [seconds])
        await chain.admin('evm_mine')
      },
      async close() {
        await Promise.all(open.map((ledger) => ledger.stop()))
      },
    }
  })
})
