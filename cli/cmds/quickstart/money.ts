/** Everything on chain that has to be there before a node starts: keys, contracts, tokens, stakes. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { nodeFiles } from '../../../node/settings.ts'
import type { Deployment } from '../../../src/ledger/abi/contracts.ts'
import { deployContracts } from '../../../src/ledger/chain/deploy.ts'
import { createEvmLedger } from '../../../src/ledger/evm/ledger.ts'
import { createAccountFile, QUICK_SCRYPT_N } from '../../../src/ledger/keys/accounts.ts'
import { generatePeerKey, savePeerKey } from '../../../src/transport/peer-key.ts'
import type { Address, Ledger } from '../../../src/types/ledger.ts'
import type { Signer } from '../../../src/types/signer.ts'
import type { History } from './history.ts'
import type { QuickstartOptions } from './plan.ts'
import type { QuickstartResult } from './result.ts'
import { quickstartTerms, STAKE } from './spec.ts'

/** The dev token's whole supply: a million. */
const SUPPLY = 10n ** 24n
/** Longer than all phases of a quickstart's round together: stake asked back in a round can be slashed in it. */
const UNBONDING_SECONDS = 7 * 86_400

/** process name -> signer; each has key files of its own in its own folder */
export type Keys = ReadonlyMap<string, Signer>

/** Key files for everybody. The scrypt is a quick one: these keys hold play money for minutes. @throws CoveyError E_DISK | E_KEY */
export async function createKeys(dir: string, names: readonly string[], password: string): Promise<Keys> {
  const keys = new Map<string, Signer>()
  for (const name of names) {
    const home = join(dir, name)
    await mkdir(dirname(nodeFiles.accountKey(home)), { recursive: true, mode: 0o700 })
    keys.set(name, await createAccountFile(nodeFiles.accountKey(home), password, { scryptN: QUICK_SCRYPT_N }))
    if (name !== 'deployer') await savePeerKey(nodeFiles.peerKey(home), await generatePeerKey(), password)
  }
  return keys
}

export interface Money {
  readonly addressesFile: string
  readonly tasks: Address
  rewards(history: History): Promise<QuickstartResult['rewards']>
  close(): Promise<void>
}

/** Deploys, pays everybody out of the dev token, and stakes for each node with its own key. @throws CoveyError E_RPC | E_REVERT */
export async function setUpMoney(
  dir: string,
  rpcUrl: string,
  chainId: number,
  keys: Keys,
  options: QuickstartOptions,
): Promise<Money> {
  const deployer = keys.get('deployer') as Signer
  const deployment = await deployContracts({
    rpcUrl,
    chainId,
    signer: deployer,
    supply: SUPPLY,
    unbondingSeconds: UNBONDING_SECONDS,
  })
  const addressesFile = join(dir, 'addresses.json')
  await writeFile(addressesFile, `${JSON.stringify(deployment, null, 2)}\n`)
  const bank = await openLedger(rpcUrl, deployment, deployer)
  const staked = [...keys].filter(([name]) => name !== 'deployer')
  try {
    for (const [name, signer] of staked)
      await bank.transfer(signer.address, name === 'coordinator' ? quickstartTerms(options).pool : STAKE)
    const depositors = staked.filter(([name]) => name !== 'coordinator')
    await Promise.all(depositors.map(([, signer]) => depositStake(rpcUrl, deployment, signer)))
  } catch (error) {
    await bank.stop()
    throw error
  }
  return {
    addressesFile,
    tasks: deployment.tasks,
    close: () => bank.stop(),
    rewards: (history) =>
      Promise.all(
        staked.map(async ([node, { address }]) => {
          const { earned, slashed, wallet, stake, claimable } = await bank.accountView(address)
          const role = node === 'coordinator' ? 'coordinator' : history.roleOf(address)
          return {
            account: address,
            node,
            role,
            earned: String(earned),
            slashed: String(slashed),
            balance: String(wallet + stake + claimable),
          }
        }),
      ),
  }
}

async function depositStake(rpcUrl: string, deployment: Deployment, signer: Signer): Promise<void> {
  const ledger = await openLedger(rpcUrl, deployment, signer)
  try {
    await ledger.deposit(STAKE)
  } finally {
    await ledger.stop()
  }
}

async function openLedger(rpcUrl: string, deployment: Deployment, signer: Signer): Promise<Ledger> {
  const ledger = createEvmLedger({ rpcUrl, addresses: deployment, signer, poll_ms: 100 })
  await ledger.start()
  return ledger
}
