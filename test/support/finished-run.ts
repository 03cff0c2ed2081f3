/** What a quickstart left in its folder, looked at afterwards: the chain goes on from its state, and a command is run against it. */
import { join } from 'node:path'
import { startLocalChain } from '../../src/ledger/chain/local-chain.ts'
import { type InProcessRun, runInProcess } from './run-in-process.ts'

/** As `covey chain up` has it unless told otherwise. */
const CHAIN_ID = 31_337

/** @param args of `covey`; how to reach the chain is added */
export async function coveyAfter(dir: string, args: readonly string[]): Promise<InProcessRun> {
  const chain = await startLocalChain({ dir: join(dir, 'chain', 'chain'), chainId: CHAIN_ID, funded: {} })
  try {
    return await runInProcess([...args, '--rpc', chain.url, '--contracts', join(dir, 'addresses.json')])
  } finally {
    await chain.stop()
  }
}
