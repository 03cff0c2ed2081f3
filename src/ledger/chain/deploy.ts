/** Puts the contracts on a chain, in the order of contracts/README.md, and says where they are. */
import type { Interface } from 'ethers'
import { concat, getAddress } from 'ethers'
import { CoveyError } from '../../base/errors.ts'
import type { Address, Hex } from '../../types/ledger.ts'
import type { Signer } from '../../types/signer.ts'
import type { Deployment } from '../abi/contracts.ts'
import {
  arenaInterface,
  codeHashes,
  registryInterface,
  tasksInterface,
  tokenInterface,
  vaultInterface,
} from '../abi/contracts.ts'
import { bytecode as arenaRulesCode } from '../generated/Arena.ts'
import { bytecode as arenaDrawCode } from '../generated/ArenaDraw.ts'
import { bytecode as arenaLimitsCode } from '../generated/ArenaLimits.ts'
import { bytecode as arenaCode, links as arenaLinks } from '../generated/CoveyArena.ts'
import { bytecode as tasksCode, links as tasksLinks } from '../generated/CoveyTasks.ts'
import { bytecode as tokenCode } from '../generated/CoveyToken.ts'
import { bytecode as registryCode } from '../generated/NodeRegistry.ts'
import { bytecode as roundEndCode } from '../generated/RoundEnd.ts'
import { bytecode as vaultCode } from '../generated/StakeVault.ts'
import { bytecode as limitsCode } from '../generated/TaskLimits.ts'
import { Rpc } from '../rpc/rpc.ts'
import { createMemoryTxJournal } from '../tx/journal.ts'
import { TxQueue } from '../tx/queue.ts'

export interface DeployOptions {
  readonly rpcUrl: string
  readonly chainId: number
  /** pays the gas and gets the whole supply of the dev token */
  readonly signer: Signer
  /** wei of the dev token; unused with `token`, an ERC20 of fixed supply with permit and burn that exists already */
  readonly supply: bigint
  readonly token?: Address
  /** seconds; no task's round may be longer */
  readonly unbondingSeconds: number
  readonly poll_ms?: number
  readonly signal?: AbortSignal
}

/** @throws CoveyError E_RPC | E_CHAIN_ID | E_FUNDS | E_REVERT */
export async function deployContracts(options: DeployOptions): Promise<Deployment> {
  const { rpcUrl, chainId, signer, signal } = options
  const rpc = new Rpc({ url: rpcUrl, chainId })
  // a deployment that breaks off is begun anew by a person: there is nothing to resume
  const poll = options.poll_ms === undefined ? {} : { poll_ms: options.poll_ms }
  const queue = new TxQueue({ rpc, signer, journal: createMemoryTxJournal(), ...poll })
  const stop = (): void => queue.stop()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    await rpc.checkChain(signal)
    const block = (await rpc.block('latest', signal))?.number ?? 0
    const put = async (
      name: string,
      code: string,
      iface?: Interface,
      args: readonly unknown[] = [],
    ): Promise<Address> => {
      const data = concat([code, iface?.encodeDeploy(args) ?? '0x']) as Hex
      const receipt = await queue.send({ to: null, data, name: `deploy ${name}` })
      if (receipt.contractAddress === null)
        throw new CoveyError('E_RPC', `deploy ${name}: the receipt names no address`)
      return getAddress(receipt.contractAddress) as Address
    }
    const [limits, roundEnd] = await Promise.all([put('TaskLimits', limitsCode), put('RoundEnd', roundEndCode)])
    const token = options.token ?? (await put('CoveyToken', tokenCode, tokenInterface, [options.supply]))
    const vault = await put('StakeVault', vaultCode, vaultInterface, [token, options.unbondingSeconds])
    const registry = await put('NodeRegistry', registryCode, registryInterface, [vault])
    const code = link(tasksCode, tasksLinks, { TaskLimits: limits, RoundEnd: roundEnd })
    const tasks = await put('CoveyTasks', code, tasksInterface, [token, registry, vault])
    const [arenaLimits, arenaDraw, arenaRules] = await Promise.all([
      put('ArenaLimits', arenaLimitsCode),
      put('ArenaDraw', arenaDrawCode),
      put('Arena', arenaRulesCode),
    ])
    const arenaLibraries = { ArenaLimits: arenaLimits, ArenaDraw: arenaDraw, Arena: arenaRules }
    const linked = link(arenaCode, arenaLinks, arenaLibraries)
    const arena = await put('CoveyArena', linked, arenaInterface, [token, registry, vault])
    await queue.send({
      to: vault,
      data: vaultInterface.encodeFunctionData('bind', [tasks, arena]) as Hex,
      name: 'bind',
    })
    const at = { token, registry, vault, tasks, arena }
    return { chainId, block, ...at, codeHashes: await codeHashes(rpc, at, signal) }
  } finally {
    signal?.removeEventListener('abort', stop)
    queue.stop()
    rpc.close()
  }
}

/** Writes the libraries' addresses over the zeros that the compiler left for them. */
function link(
  code: string,
  links: Readonly<Record<string, readonly number[]>>,
  libraries: Readonly<Record<string, Address>>,
): string {
  let linked = code
  for (const [library, places] of Object.entries(links)) {
    const address = libraries[library]
    if (address === undefined) throw new CoveyError('E_INTERNAL', `no address for the library ${library}`)
    for (const place of places) {
      const at = 2 + 2 * place
      linked = linked.slice(0, at) + address.slice(2).toLowerCase() + linked.slice(at + 40)
    }
  }
  return linked
}
