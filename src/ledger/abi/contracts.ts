/** Where the contracts are: the addresses file that a deployment writes and everybody else reads, and its check on chain. */
import { getAddress, Interface, keccak256 } from 'ethers'
import { z } from 'zod'
import { CoveyError } from '../../base/errors.ts'
import type { Address, Hex } from '../../types/ledger.ts'
import { abi as arenaAbi } from '../generated/CoveyArena.ts'
import { abi as arenaViewsAbi } from '../generated/CoveyArenaViews.ts'
import { abi as tasksAbi } from '../generated/CoveyTasks.ts'
import { abi as tokenAbi } from '../generated/CoveyToken.ts'
import { abi as viewsAbi } from '../generated/CoveyViews.ts'
import { abi as emissionsAbi } from '../generated/Emissions.ts'
import { abi as registryAbi } from '../generated/NodeRegistry.ts'
import { abi as vaultAbi } from '../generated/StakeVault.ts'
import type { Rpc } from '../rpc/rpc.ts'

/** Acts and views: CoveyViews answers at the address of CoveyTasks. */
export const tasksInterface = new Interface([...tasksAbi, ...viewsAbi.filter(({ type }) => type === 'function')])
/** Likewise. */
export const arenaInterface = new Interface([...arenaAbi, ...arenaViewsAbi.filter(({ type }) => type === 'function')])
export const tokenInterface = new Interface(tokenAbi)
export const registryInterface = new Interface(registryAbi)
export const vaultInterface = new Interface(vaultAbi)
export const emissionsInterface = new Interface(emissionsAbi)

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/)
  .transform((text) => getAddress(text.toLowerCase()) as Address)
const hash = z
  .string()
  .regex(/^0x[0-9a-f]{64}$/)
  .transform((text) => text as Hex)

/** addresses.json: one deployment of the contracts. */
export const deploymentSchema = z.strictObject({
  chainId: z.int().positive(),
  /** first block that can hold an event of ours */
  block: z.int().nonnegative(),
  token: address,
  registry: address,
  vault: address,
  tasks: address,
  arena: address,
  /** there where emissions were deployed, too */
  emissions: address.optional(),
  /** keccak256 of the code at each address */
  codeHashes: z.strictObject({
    token: hash,
    registry: hash,
    vault: hash,
    tasks: hash,
    arena: hash,
    emissions: hash.optional(),
  }),
})
export type Deployment = z.infer<typeof deploymentSchema>

const CONTRACTS = ['token', 'registry', 'vault', 'tasks', 'arena'] as const

/** The deployment in a parsed addresses file. @throws CoveyError E_CONFIG */
export function parseDeployment(value: unknown): Deployment {
  const result = deploymentSchema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const where = issue?.path.join('.') || 'the file'
  throw new CoveyError(
    'E_CONFIG',
    `addresses file: ${where}: ${issue?.message ?? 'not valid'}; deploy again or copy the coordinator's file`,
  )
}

/** keccak256 of the code at each address. @throws CoveyError E_CONTRACT where there is none */
export async function codeHashes(
  rpc: Rpc,
  at: Pick<Deployment, (typeof CONTRACTS)[number]>,
  signal?: AbortSignal,
): Promise<Deployment['codeHashes']> {
  const hashes = await Promise.all(
    CONTRACTS.map(async (name) => {
      const code = await rpc.code(at[name], signal)
      if (code === '0x')
        throw new CoveyError(
          'E_CONTRACT',
          `no contract at ${at[name]} (${name}) on chain ${rpc.chainId}; check the addresses file, or deploy`,
          { contract: name, address: at[name] },
        )
      return [name, keccak256(code) as Hex] as const
    }),
  )
  return Object.fromEntries(hashes) as Deployment['codeHashes']
}

/** That the chain has the deployment's chain id and the very code that was deployed. @throws CoveyError E_CHAIN_ID | E_CONTRACT */
export async function checkDeployment(rpc: Rpc, deployment: Deployment, signal?: AbortSignal): Promise<void> {
  await rpc.checkChain(signal)
  const got = await codeHashes(rpc, deployment, signal)
  for (const name of CONTRACTS) {
    const [found, expected] = [got[name], deployment.codeHashes[name]]
    if (found !== expected)
      throw new CoveyError(
        'E_CONTRACT',
        `another contract than ours is at ${deployment[name]} (${name}): its code's hash is ${found}, expected ${expected}; check the addresses file`,
        { contract: name, address: deployment[name], got: found, expected },
      )
  }
}
