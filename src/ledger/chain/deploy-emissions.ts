/** Puts the emissions contract beside the contracts of a deployment. */
import { concat, getAddress, keccak256 } from 'ethers'
import { CoveyError } from '../../base/errors.ts'
import type { EmissionTerms } from '../../types/emissions.ts'
import type { Address, Hex } from '../../types/ledger.ts'
import type { Signer } from '../../types/signer.ts'
import { type Deployment, emissionsInterface } from '../abi/contracts.ts'
import { bytecode } from '../generated/Emissions.ts'
import { Rpc } from '../rpc/rpc.ts'
import { createMemoryTxJournal, type TxJournal } from '../tx/journal.ts'
import { TxQueue } from '../tx/queue.ts'

export interface DeployEmissionsOptions {
  readonly rpcUrl: string
  readonly addresses: Deployment
  /** pays the gas; has no power over the contract afterwards */
  readonly signer: Signer
  readonly terms: EmissionTerms
  readonly journal?: TxJournal
  readonly poll_ms?: number
}

/**
 * The schedule has not begun then: `open` gives the supply.
 * @returns the deployment with the contract in it
 * @throws CoveyError E_CONFIG when it has one | E_RPC | E_CHAIN_ID | E_FUNDS | E_REVERT
 */
export async function deployEmissions(options: DeployEmissionsOptions): Promise<Deployment> {
  const { rpcUrl, addresses, signer, terms } = options
  if (addresses.emissions !== undefined)
    throw new CoveyError('E_CONFIG', `this deployment has emissions already, at ${addresses.emissions}`)
  const rpc = new Rpc({ url: rpcUrl, chainId: addresses.chainId })
  const poll = options.poll_ms === undefined ? {} : { poll_ms: options.poll_ms }
  const queue = new TxQueue({ rpc, signer, journal: options.journal ?? createMemoryTxJournal(), ...poll })
  try {
    await rpc.checkChain()
    const args = emissionsInterface.encodeDeploy([addresses.token, terms, [addresses.tasks, addresses.arena]])
    const receipt = await queue.send({ to: null, data: concat([bytecode, args]) as Hex, name: 'deploy Emissions' })
    if (receipt.contractAddress === null)
      throw new CoveyError('E_RPC', 'deploy Emissions: the receipt names no address')
    const emissions = getAddress(receipt.contractAddress) as Address
    const code = keccak256(await rpc.code(emissions)) as Hex
    return { ...addresses, emissions, codeHashes: { ...addresses.codeHashes, emissions: code } }
  } finally {
    queue.stop()
    rpc.close()
  }
}
