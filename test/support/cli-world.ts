/** Two accounts with keys, coins and tokens on an embedded chain, and the `covey` that they type. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { COMMANDS } from '../../cli/commands.ts'
import { Output } from '../../cli/output.ts'
import { buildProgram } from '../../cli/program.ts'
import { nodeFiles } from '../../node/settings.ts'
import { deployContracts } from '../../src/ledger/chain/deploy.ts'
import { createEvmLedger, type EvmLedger } from '../../src/ledger/evm/ledger.ts'
import { createAccountFile, QUICK_SCRYPT_N } from '../../src/ledger/keys/accounts.ts'
import type { Address } from '../../src/types/ledger.ts'
import { startTestChain, TEST_CHAIN_ID, type TestChain, testSigner } from './ledger-anvil.ts'

export const TOKEN = 10n ** 18n
export const PASSWORD = 'correct horse'

export interface CliWorld<Home extends string> extends TestChain {
  readonly accounts: Readonly<Record<Home, Address>>
  /** What the command returned, and the lines that it printed. */
  covey(home: Home, line: string): Promise<{ result: Record<string, unknown>; text: string }>
}

/** @param asBank what the deployer, which has all other tokens, does once everybody is paid */
export async function startCliWorld<Home extends string>(
  homes: readonly Home[],
  unbondingSeconds: number,
  asBank: (bank: EvmLedger) => Promise<void> = async () => undefined,
): Promise<CliWorld<Home>> {
  const world = await startTestChain(['deployer'])
  const { url: rpcUrl } = world.chain
  const signer = testSigner('deployer')
  const supply = 10n ** 26n
  const terms = { rpcUrl, chainId: TEST_CHAIN_ID, signer, supply, unbondingSeconds, poll_ms: 5 }
  const addresses = await deployContracts(terms)
  const at = join(world.dir, 'at.json')
  await writeFile(at, JSON.stringify(addresses))
  const bank = createEvmLedger({ rpcUrl, addresses, signer, poll_ms: 5 })
  const accounts = {} as Record<Home, Address>
  for (const home of homes) {
    const file = nodeFiles.accountKey(join(world.dir, home))
    await mkdir(dirname(file), { recursive: true })
    const { address } = await createAccountFile(file, PASSWORD, { scryptN: QUICK_SCRYPT_N })
    accounts[home] = address
    await world.chain.admin('anvil_setBalance', [address, `0x${(10n ** 20n).toString(16)}`])
    await bank.transfer(address, 1000n * TOKEN)
  }
  await asBank(bank)
  await bank.stop()
  const env = { COVEY_PASSWORD: PASSWORD, COVEY_RPC: rpcUrl, COVEY_CONTRACTS: at }
  return {
    ...world,
    accounts,
    async covey(home, line) {
      let result: unknown
      let text = ''
      const write = (part: string): void => {
        text += part
      }
      const output = new Output(false, { stdout: { write }, stderr: { write: () => {} } })
      const program = buildProgram(COMMANDS, '0', async (command, options, args) => {
        const handler = await command.handler()
        const signal = new AbortController().signal
        result = await handler(options, args, { output, signal, env, yes: true, fail: () => {} })
      })
      await program.parseAsync([...line.split(' '), '--dir', join(world.dir, home)], { from: 'user' })
      return { result: result as Record<string, unknown>, text }
    },
  }
}
