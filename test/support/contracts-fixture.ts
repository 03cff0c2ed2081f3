/** Covey's contracts on Hardhat's simulated chain, with nodes that have stake, a peer id and an approval. */
import { generateKeyPairSync, sign } from 'node:crypto'
import type { BaseContract, BaseContractMethod, ContractRunner } from 'ethers'
import { artifacts, network } from 'hardhat'
import type { abi as arenaAbi } from '../../src/ledger/generated/CoveyArena.ts'
import { abi as arenaViewsAbi } from '../../src/ledger/generated/CoveyArenaViews.ts'
import type { abi as tasksAbi } from '../../src/ledger/generated/CoveyTasks.ts'
import type { abi as tokenAbi } from '../../src/ledger/generated/CoveyToken.ts'
import { abi as viewsAbi } from '../../src/ledger/generated/CoveyViews.ts'
import type { abi as registryAbi } from '../../src/ledger/generated/NodeRegistry.ts'
import type { abi as vaultAbi } from '../../src/ledger/generated/StakeVault.ts'
import { packScores } from '../../src/round/packed-scores.ts'
import type { Scores, SettlementRules } from '../../src/types/ledger.ts'

export const connection = await network.create()
export const { ethers, networkHelpers } = connection
export type Account = Awaited<ReturnType<typeof ethers.getSigners>>[number]

/** A contract whose functions are named by its ABI: ethers itself knows them at run time only. */
export type Named<Abi extends readonly { readonly type: string }[]> = Omit<BaseContract, 'connect'> &
  Record<Extract<Abi[number], { readonly type: 'function'; readonly name: string }>['name'], BaseContractMethod> & {
    connect(runner: ContractRunner | undefined): Named<Abi>
  }

export type Vault = Named<typeof vaultAbi>
/** CoveyViews answers at the address of CoveyTasks. */
export type Tasks = Named<[...typeof tasksAbi, ...typeof viewsAbi]>
export type ArenaContract = Named<[...typeof arenaAbi, ...typeof arenaViewsAbi]>

export const TOKEN = 10n ** 18n
export const STAKE = 100n * TOKEN
export const UNBONDING = 7 * 24 * 3600
const EXPIRY = 2n ** 63n

export const RULES: SettlementRules = {
  excludeBelow: 20,
  excludeSpreadBps: 2500,
  slashBelow: 100,
  slashSpreadBps: 10_000,
  vetoBelow: 500,
  tolerance: 50,
  voterBps: 2000,
  equalBps: 1000,
  slashBps: 1000,
  faultBps: 100,
}

export const id32 = (text: string): string => ethers.id(text)
/** one slice a round, round 1 first */
export const SLICES = [1, 2, 3].map((round) => id32(`slice ${round}`))
const coder = ethers.AbiCoder.defaultAbiCoder()
const leaf = (round: number, slice: string): string =>
  ethers.keccak256(ethers.keccak256(coder.encode(['uint256', 'bytes32'], [round, slice])))
const pair = (a: string, b: string): string => ethers.keccak256(ethers.concat(a < b ? [a, b] : [b, a]))
const leaves = [...SLICES.map((slice, i) => leaf(i + 1, slice)), leaf(4, id32('slice 4'))] as [
  string,
  string,
  string,
  string,
]
const [left, right] = [pair(leaves[0], leaves[1]), pair(leaves[2], leaves[3])]
export const PROBE_ROOT = pair(left, right)
export const proofOf = (round: number): string[] =>
  [
    [leaves[1], right],
    [leaves[0], right],
    [leaves[3], left],
  ][round - 1] as string[]

export const params = {
  specDigest: id32('spec'),
  baseDigest: id32('base'),
  probeRoot: PROBE_ROOT,
  pool: 300n * TOKEN,
  minStake: 50n * TOKEN,
  rounds: 3,
  proposers: 3,
  voters: 2,
  durations: { train: 600, reveal: 60, probe: 60, score: 120, tally: 60 },
  rules: RULES,
}

/** Without its ABI, whose types ethers does not know (and says so on every run). */
export async function deployLibrary(name: string) {
  const [deployer] = await ethers.getSigners()
  const { bytecode } = await artifacts.readArtifact(name)
  return new ethers.ContractFactory([], bytecode, deployer).deploy()
}

/** What CoveyArena is linked with. */
export async function deployArenaLibraries() {
  const at: Record<string, string> = {}
  for (const name of ['ArenaLimits', 'ArenaDraw', 'Arena']) at[name] = String((await deployLibrary(name)).target)
  return at
}

/** The tasks contract under both of its ABIs. */
export function withViews(tasks: BaseContract): Tasks {
  return underBoth(tasks, viewsAbi) as unknown as Tasks
}

function underBoth(acts: BaseContract, views: readonly { readonly type: string }[]): BaseContract {
  const shown = views.filter(({ type }) => type === 'function')
  const abi = [...acts.interface.fragments, ...new ethers.Interface(shown).fragments]
  return new ethers.Contract(acts.target, abi, acts.runner)
}

/** Libraries, token, registry, vault, tasks, arena, bound: the order of contracts/README.md. */
export async function deploy() {
  const taskLimits = await deployLibrary('TaskLimits')
  const roundEnd = await deployLibrary('RoundEnd')
  const token = await ethers.deployContract('CoveyToken', [1_000_000_000n * TOKEN])
  const vault = await ethers.deployContract('StakeVault', [token.target, UNBONDING])
  const registry = await ethers.deployContract('NodeRegistry', [vault.target])
  const tasks = await ethers.deployContract('CoveyTasks', [token.target, registry.target, vault.target], {
    libraries: { TaskLimits: taskLimits.target, RoundEnd: roundEnd.target },
  })
  const arenaLibraries = await deployArenaLibraries()
  const arena = await ethers.deployContract('CoveyArena', [token.target, registry.target, vault.target], {
    libraries: arenaLibraries,
  })
  await vault.getFunction('bind')(tasks.target, arena.target)
  return {
    token: token as unknown as Named<typeof tokenAbi>,
    registry: registry as unknown as Named<typeof registryAbi>,
    vault: vault as unknown as Named<typeof vaultAbi>,
    tasks: withViews(tasks),
    arena: underBoth(arena, arenaViewsAbi) as unknown as ArenaContract,
  }
}
export type Contracts = Awaited<ReturnType<typeof deploy>>

/** An Ed25519 key as libp2p names it, and how it signs. */
export function peerKey() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  const peerId = ethers.hexlify(ethers.concat(['0x002408011220', raw]))
  return {
    publicKey,
    peerId,
    sign: (digest: string) => ethers.hexlify(sign(null, ethers.getBytes(digest), privateKey)),
  }
}

export async function signBinding(
  registry: Contracts['registry'],
  account: Account,
  peerId: string,
  nonce: bigint,
  expiry = EXPIRY,
) {
  const { chainId } = await ethers.provider.getNetwork()
  return account.signTypedData(
    { name: 'Covey', version: '1', chainId, verifyingContract: String(registry.target) },
    {
      PeerBinding: [
        { name: 'peerId', type: 'bytes' },
        { name: 'account', type: 'address' },
        { name: 'nonce', type: 'uint256' },
        { name: 'expiry', type: 'uint64' },
      ],
    },
    { peerId, account: account.address, nonce, expiry },
  )
}

/** Binds the account to a fresh peer key; `sent` is the transaction. */
export async function register(registry: Contracts['registry'], account: Account, nonce = 1n, key = peerKey()) {
  const signature = await signBinding(registry, account, key.peerId, nonce)
  const digest = await registry.bindingDigest(key.peerId, account.address, nonce, EXPIRY)
  const args = [account.address, key.peerId, nonce, EXPIRY, signature, key.sign(digest)]
  const sent = await registry.register(...args)
  return { ...key, digest, sent }
}

/** Contracts, a creator with money, and six nodes that could join. */
export async function withNodes() {
  const contracts = await deploy()
  const { token, registry, vault, tasks } = contracts
  const [deployer, creator, ...others] = (await ethers.getSigners()) as [Account, Account, ...Account[]]
  const nodes = others.slice(0, 6)
  await token.transfer(creator.address, 10_000n * TOKEN)
  await token.connect(creator).approve(tasks.target, ethers.MaxUint256)
  for (const node of nodes) {
    await token.transfer(node.address, 1_000n * TOKEN)
    await token.connect(node).approve(vault.target, ethers.MaxUint256)
    await vault.connect(node).deposit(STAKE)
    await register(registry, node)
  }
  return { ...contracts, deployer, creator, nodes, stranger: others[6] as Account }
}

/** `withNodes`, a task (id 1), all enrolled. */
export async function withTask() {
  const all = await withNodes()
  await all.tasks.connect(all.creator).createTask(params)
  for (const node of all.nodes) await all.tasks.connect(node).join(1)
  return all
}

export const salt = (of: string): string => id32(`salt ${of}`)
export const delta = (of: string): { digest: string; size: number; base: string } => ({
  digest: id32(`delta ${of}`),
  size: 1234,
  base: id32('global 0'),
})

export function deltaCommitment(
  id: number,
  round: number,
  account: string,
  d = delta(account),
  s = salt(account),
): string {
  const types = ['uint256', 'uint256', 'address', 'bytes32', 'uint32', 'bytes32', 'bytes32']
  return ethers.keccak256(coder.encode(types, [id, round, account, d.digest, d.size, d.base, s]))
}

export function scoresCommitment(
  id: number,
  round: number,
  account: string,
  packed: string,
  s = salt(account),
): string {
  const types = ['uint256', 'uint256', 'address', 'bytes32', 'bytes32']
  return ethers.keccak256(coder.encode(types, [id, round, account, ethers.keccak256(packed), s]))
}

export const pack = (scores: Scores): string => ethers.hexlify(packScores(scores))

/** The same probe marginal for everyone: scores of a voter who measured nothing odd. */
export const plainScores = (proposers: number, score = 100): Scores => ({
  probe: Array.from({ length: proposers }, () => score),
  private: Array.from({ length: proposers }, () => 0),
  incumbentProbe: 5,
  incumbentPrivate: 0,
})

/** Who sits where in the open round. */
export async function seatsOf(all: Awaited<ReturnType<typeof withTask>>, round: number) {
  const view = await all.tasks.roundView(1, round)
  const node = (address: string): Account => all.nodes.find((n) => n.address === address) as Account
  return {
    proposers: view.proposers.map((s: { account: string }) => node(s.account)) as Account[],
    voters: view.voters.map((s: { account: string }) => node(s.account)) as Account[],
  }
}
