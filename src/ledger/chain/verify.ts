/**
 * Whether the contracts at a deployment's addresses are those of this version: their hashes as the addresses file says, their
 * code byte for byte as the compiler made it (what a constructor or a linker wrote into it aside), and bound to each other.
 * Nothing is run: a deployer can write a constructor that lies, but not one that changes the code that is there.
 */
import { getAddress, getBytes, hexlify, type Interface, keccak256 } from 'ethers'
import type { Address, Hex } from '../../types/ledger.ts'
import { arenaInterface, type Deployment, registryInterface, tasksInterface, vaultInterface } from '../abi/contracts.ts'
import { bytecode as arenaRulesCode } from '../generated/Arena.ts'
import { bytecode as arenaDrawCode } from '../generated/ArenaDraw.ts'
import { bytecode as arenaLimitsCode } from '../generated/ArenaLimits.ts'
import { bytecode as arenaCode } from '../generated/CoveyArena.ts'
import { bytecode as tasksCode } from '../generated/CoveyTasks.ts'
import { bytecode as tokenCode } from '../generated/CoveyToken.ts'
import { bytecode as registryCode } from '../generated/NodeRegistry.ts'
import { bytecode as roundEndCode } from '../generated/RoundEnd.ts'
import { bytecode as vaultCode } from '../generated/StakeVault.ts'
import { bytecode as limitsCode } from '../generated/TaskLimits.ts'
import { Rpc } from '../rpc/rpc.ts'

export interface Finding {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

/** Compiler's last words in a contract's code: a hash of its sources and settings. Long enough to be found nowhere else. */
const TAIL_BYTES = 48
const PUSH32 = 0x7f
const PUSH20 = 0x73

/**
 * Whether code on chain is what a creation code leaves there. Two kinds of places may differ: immutables (PUSH32 of zeros) and
 * linked libraries, or a library's own address (PUSH20 of zeros), whose contents come back.
 * @param creation as the compiler made it, perhaps with other contracts' creation code inside
 * @returns null when it is other code
 */
export function matchCode(
  creation: Uint8Array,
  onChain: Uint8Array,
): { readonly addresses: readonly Address[] } | null {
  if (onChain.length < TAIL_BYTES) return null
  const tail = Buffer.from(onChain.subarray(-TAIL_BYTES))
  const haystack = Buffer.from(creation)
  for (let end = haystack.indexOf(tail); end >= 0; end = haystack.indexOf(tail, end + 1)) {
    const begin = end + TAIL_BYTES - onChain.length
    const addresses = begin < 0 ? null : compare(creation.subarray(begin, end + TAIL_BYTES), onChain)
    if (addresses !== null) return { addresses }
  }
  return null
}

function compare(made: Uint8Array, found: Uint8Array): readonly Address[] | null {
  const addresses: Address[] = []
  for (let i = 0; i < made.length; i++) {
    const [op, zeros] =
      made[i] === PUSH32
        ? [32, isZero(made, i + 1, 32)]
        : made[i] === PUSH20
          ? [20, isZero(made, i + 1, 20)]
          : [0, false]
    if (made[i] !== found[i]) return null
    if (!zeros) continue
    if (op === 20) addresses.push(getAddress(hexlify(found.subarray(i + 1, i + 21))) as Address)
    i += op
  }
  return addresses
}

function isZero(bytes: Uint8Array, from: number, length: number): boolean {
  if (from + length > bytes.length) return false
  for (let i = from; i < from + length; i++) if (bytes[i] !== 0) return false
  return true
}

/**
 * Every check, passed or not.
 * @throws CoveyError E_RPC | E_CHAIN_ID | E_ABORTED
 */
export async function verifyDeployment(
  rpcUrl: string,
  at: Deployment,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const rpc = new Rpc({ url: rpcUrl, chainId: at.chainId })
  const findings: Finding[] = []
  const found = (name: string, ok: boolean, detail: string): boolean => {
    findings.push({ name, ok, detail })
    return ok
  }
  const codeAt = async (address: Address): Promise<Uint8Array> => getBytes(await rpc.code(address, signal))

  /** @returns addresses of the libraries that are linked into it */
  const check = async (name: string, address: Address, creation: string, hash?: Hex): Promise<readonly Address[]> => {
    const code = await codeAt(address)
    if (code.length === 0) return found(name, false, `no contract at ${address}`) ? [] : []
    if (hash !== undefined && keccak256(code) !== hash) {
      found(name, false, `${address} has another code hash than the addresses file says: ${keccak256(code)}`)
      return []
    }
    const match = matchCode(getBytes(creation), code)
    found(
      name,
      match !== null,
      `${address} ${match === null ? 'has other code than this version deploys' : 'is what this version deploys'}`,
    )
    return match?.addresses ?? []
  }
  /** Libraries are known by their code: a linked address that is none of them is a stranger's. */
  const libraries = async (name: string, linked: readonly Address[], made: readonly string[]): Promise<void> => {
    for (const address of new Set(linked)) {
      const code = await codeAt(address)
      const known = made.some((creation) => matchCode(getBytes(creation), code) !== null)
      found(`${name} library`, known, `${address} ${known ? 'is what this version deploys' : 'has other code'}`)
    }
  }
  const points = async (name: string, of: Address, iface: Interface, view: string, to: Address): Promise<void> => {
    const data = iface.encodeFunctionData(view, []) as Hex
    const answer = await rpc.call({ to: of, data, name: view }, 'latest', signal).catch(() => '0x' as Hex)
    const got = answer.length === 66 ? getAddress(`0x${answer.slice(26)}`) : 'nothing'
    found(name, got === to, `its ${view} is ${got}${got === to ? '' : `, expected ${to}`}`)
  }
  const views = async (name: string, of: Address, iface: Interface, creation: string): Promise<void> => {
    const data = iface.encodeFunctionData('views', []) as Hex
    const answer = await rpc.call({ to: of, data, name: 'views' }, 'latest', signal).catch(() => '0x' as Hex)
    if (answer.length === 66) await check(`${name} views`, getAddress(`0x${answer.slice(26)}`) as Address, creation)
    else found(`${name} views`, false, `${of} names none`)
  }

  try {
    await rpc.checkChain(signal)
    const { codeHashes: hashes } = at
    const arenaLibraries = [arenaLimitsCode, arenaDrawCode, arenaRulesCode]
    await check('registry', at.registry, registryCode, hashes.registry)
    await check('vault', at.vault, vaultCode, hashes.vault)
    await libraries('tasks', await check('tasks', at.tasks, tasksCode, hashes.tasks), [limitsCode, roundEndCode])
    await libraries('arena', await check('arena', at.arena, arenaCode, hashes.arena), arenaLibraries)
    // what answers questions runs over the contract's own storage: it has to be ours, too
    await views('tasks', at.tasks, tasksInterface, tasksCode)
    await views('arena', at.arena, arenaInterface, arenaCode)
    await points('registry', at.registry, registryInterface, 'vault', at.vault)
    await points('vault', at.vault, vaultInterface, 'token', at.token)
    await points('vault', at.vault, vaultInterface, 'tasks', at.tasks)
    await points('tasks', at.tasks, tasksInterface, 'token', at.token)
    await points('tasks', at.tasks, tasksInterface, 'vault', at.vault)
    await points('tasks', at.tasks, tasksInterface, 'registry', at.registry)
    await points('arena', at.arena, arenaInterface, 'token', at.token)
    await points('arena', at.arena, arenaInterface, 'vault', at.vault)
    await points('arena', at.arena, arenaInterface, 'registry', at.registry)
    const token = await codeAt(at.token)
    const ours = matchCode(getBytes(tokenCode), token) !== null
    found(
      'token',
      token.length > 0 && keccak256(token) === hashes.token,
      `${at.token} ${ours ? 'is the development token of this version' : 'is a token of its own: what it does is for you to know'}`,
    )
    return findings
  } finally {
    rpc.close()
  }
}
