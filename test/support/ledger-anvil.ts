/** A throw-away embedded chain with funded keys, for tests of the ledger. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keccak256, toUtf8Bytes } from 'ethers'
import { type LocalChain, startLocalChain } from '../../src/ledger/chain/local-chain.ts'
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
