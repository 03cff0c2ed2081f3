/** A throw-away embedded chain with funded keys, for tests of the ledger. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keccak256, toUtf8Bytes } from 'ethers'
import type { Deployment } from '../../src/ledger/abi/contracts.ts'
import { deployContracts } from '../../src/ledger/chain/deploy.ts'
import { type LocalChain, startLocalChain } from '../../src/ledger/chain/local-chain.ts'
import { createEvmLedger } from '../../src/ledger/evm/ledger.ts'
import { createMemorySigner } from '../../src/ledger/keys/accounts.ts'
import type { Hex } from '../../src/types/ledger.ts'
import type { Signer } from '../../src/types/signer.ts'

export const TEST_CHAIN_ID = 31_337

export const testSigner = (name: string): Signer => createMemorySigner(keccak256(toUtf8Bytes(name)) as Hex)

export interface TestChain {
  readonly chain: LocalChain
  readonly dir: string
  remove(): Promise<void>
}

/** @param seal null = nothing is mined until the test says `evm_mine` */
export async function startTestChain(names: readonly string[], seal?: null): Promise<TestChain> {
  const dir = await mkdtemp(join(tmpdir(), 'covey-ledger-'))
  const funded = Object.fromEntries(names.map((name) => [testSigner(name).address, 10n ** 21n]))
  const chain = await startLocalChain({ dir, chainId: TEST_CHAIN_ID, funded, ...(seal === null ? { seal } : {}) })
  return {
    chain,
    dir,
    async remove() {
      await chain.stop()
      await rm(dir, { recursive: true })
    },
  }
}

/** A chain with the contracts on it, and 1,000 tokens for everyone named. */
export interface LedgerWorld extends TestChain {
  readonly addresses: Deployment
  /** everything as it was at the start */
  restore(): Promise<void>
}

/** One anvil and one deployment for many tests: each begins from the same snapshot. */
export async function startLedgerWorld(names: readonly string[]): Promise<LedgerWorld> {
  const world = await startTestChain(['deployer', ...names])
  const signer = testSigner('deployer')
  const { url: rpcUrl } = world.chain
  const [supply, unbondingSeconds] = [10n ** 26n, 86_400]
  const chainId = TEST_CHAIN_ID
  const addresses = await deployContracts({ rpcUrl, chainId, signer, supply, unbondingSeconds, poll_ms: 5 })
  const treasury = createEvmLedger({ rpcUrl, addresses, signer, poll_ms: 5 })
  await Promise.all(names.map((name) => treasury.transfer(testSigner(name).address, 10n ** 21n)))
  await treasury.stop()
  let fresh = await world.chain.admin('evm_snapshot')
  return {
    ...world,
    addresses,
    async restore() {
      await world.chain.admin('evm_revert', [fresh])
      fresh = await world.chain.admin('evm_snapshot')
    },
  }
}
