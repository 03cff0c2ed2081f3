/** Reads a deployment's whole history off a chain: all events up to one block, their times, the terms of the tasks. */

import { getAddress, type Interface, type Result } from 'ethers'
import { z } from 'zod'
import { throwIfAborted } from '../../base/abort.ts'
import { CoveyError, isCoveyError } from '../../base/errors.ts'
import type { ArenaParams } from '../../types/arena.ts'
import type { EmissionTarget } from '../../types/emissions.ts'
import type { AccountView, Address, DelegationView, Hex, TaskParams } from '../../types/ledger.ts'
import { decodeAnswer } from '../abi/answer.ts'
import { decodeArena } from '../abi/arena-views.ts'
import {
  arenaInterface,
  type Deployment,
  emissionsInterface,
  tasksInterface,
  vaultInterface,
} from '../abi/contracts.ts'
import { decodeEmissions } from '../abi/emission-views.ts'
import { decodeAccount, decodeTask } from '../abi/views.ts'
import { Rpc } from '../rpc/rpc.ts'
import { argOf, type History, type HistoryEvent } from './events.ts'

/** Blocks in one eth_getLogs. Public RPCs allow from 500 up; one that refuses is asked for less. */
const WIDEST_RANGE = 10_000
const NARROWEST_RANGE = 100
/** A range that is too wide is refused again and again: it must not take as long as an outage to see. */
const PATIENCE_MS = 5_000
/** Questions on their way at once; the RPC client puts them into batches. */
const AT_ONCE = 20
/** More events than a person's machine should hold: years of a busy deployment. */
const MAX_EVENTS = 2_000_000

const hex = z.string().regex(/^0x[0-9a-fA-F]*$/)
const rawLogs = z.array(
  z.object({
    address: hex,
    topics: z.array(hex).min(1).max(4),
    data: hex,
    blockNumber: hex,
    logIndex: hex,
    transactionHash: hex,
    /** newer nodes say it; otherwise the block is asked for */
    blockTimestamp: hex.nullish(),
  }),
)
type RawLog = z.infer<typeof rawLogs>[number]

export interface ChainHistory extends History {
  /** an account as it stood at the history's last block */
  account(account: Address): Promise<AccountView>
  delegations(account: Address): Promise<readonly DelegationView[]>
  /** what the arenas' contract owes, wei */
  arenaClaimable(account: Address): Promise<bigint>
  /** what waits in the emissions contract for an account, or for a task or an arena, wei; nothing where there is none */
  emissionsWaiting(of: Address | EmissionTarget): Promise<bigint>
  close(): void
}

/**
 * @param onProgress blocks read, of how many
 * @throws CoveyError E_RPC | E_CHAIN_ID | E_CONTRACT | E_TOO_LARGE | E_ABORTED
 */
export async function readHistory(
  rpcUrl: string,
  at: Deployment,
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<ChainHistory> {
  const rpc = new Rpc({ url: rpcUrl, chainId: at.chainId, patience_ms: PATIENCE_MS })
  try {
    await rpc.checkChain(signal)
    const block = Number(await rpc.send('eth_blockNumber', [], signal))
    const logs = await readLogs(rpc, at, block, signal, onProgress)
    const times = await readTimes(rpc, logs, signal)
    const events = logs.flatMap((log) => decode(log, at, times) ?? [])
    const ask = (to: Address, iface: Interface, name: string, args: readonly unknown[]): Promise<Hex> =>
      rpc.call({ to, data: iface.encodeFunctionData(name, args) as Hex, name }, block, signal)
    const askVault = async (name: string, args: readonly unknown[]): Promise<Result> =>
      decodeAnswer(vaultInterface, 'vault', name, await ask(at.vault, vaultInterface, name, args))
    const [period] = await askVault('unbondingPeriod', [])
    const ids = events.flatMap((e) => (e.contract === 'tasks' && e.name === 'TaskCreated' ? argOf.number(e, 'id') : []))
    const arenas = events.flatMap((e) => (e.name === 'ArenaCreated' ? argOf.number(e, 'arena') : []))
    const arenaParams = await inParts(
      arenas,
      async (id): Promise<[number, ArenaParams]> => [
        id,
        decodeArena(await ask(at.arena, arenaInterface, 'arenaView', [id])).params,
      ],
    )
    const params = await inParts(
      ids,
      async (id): Promise<[number, TaskParams]> => [
        id,
        decodeTask(await ask(at.tasks, tasksInterface, 'taskView', [id])).params,
      ],
    )
    const emissions = at.emissions === undefined ? null : await readTerms(rpc, at.emissions, at, block, signal)
    return {
      ...(emissions === null ? {} : { emissions }),
      block,
      events,
      unbondingSeconds: Number(period),
      params: new Map(params),
      arenaParams: new Map(arenaParams),
      account: async (account) =>
        decodeAccount(await ask(at.tasks, tasksInterface, 'accountView', [account]), account, 0n),
      async delegations(account) {
        const [raw] = (await askVault('delegations', [account])) as unknown as [readonly DelegationView[]]
        return raw.map(({ operator, amount, shares, rewards }) => ({ operator, amount, shares, rewards }))
      },
      async arenaClaimable(account) {
        const answer = await ask(at.arena, arenaInterface, 'claimable', [account])
        return decodeAnswer(arenaInterface, 'arena contract', 'claimable', answer)[0] as bigint
      },
      async emissionsWaiting(of) {
        if (at.emissions === undefined) return 0n
        const [name, args] =
          typeof of === 'string'
            ? (['holderOf', [of]] as const)
            : (['targetOf', [of.kind === 'task' ? at.tasks : at.arena, of.id]] as const)
        const answer = await ask(at.emissions, emissionsInterface, name, args)
        return decodeAnswer(emissionsInterface, 'emissions contract', name, answer)[1] as bigint
      },
      close: () => rpc.close(),
    }
  } catch (error) {
    rpc.close()
    throw error
  }
}

async function readTerms(
  rpc: Rpc,
  to: Address,
  at: Deployment,
  block: number,
  signal: AbortSignal,
): Promise<NonNullable<History['emissions']>> {
  const data = emissionsInterface.encodeFunctionData('emission', []) as Hex
  const [head, answer] = await Promise.all([
    rpc.block(block, signal),
    rpc.call({ to, data, name: 'emission' }, block, signal),
  ])
  if (head === null) throw new CoveyError('E_RPC', `the chain RPC has no block ${block} any more; try again`)
  const kinds = new Map([
    [at.tasks, 'task'],
    [at.arena, 'arena'],
  ] as const)
  return { terms: decodeEmissions(answer).terms, kinds, time: head.timestamp }
}

async function readLogs(
  rpc: Rpc,
  at: Deployment,
  last: number,
  signal: AbortSignal,
  onProgress: (done: number, total: number) => void,
): Promise<readonly RawLog[]> {
  const all: RawLog[] = []
  let range = WIDEST_RANGE
  for (let from = at.block; from <= last; ) {
    throwIfAborted(signal)
    const to = Math.min(from + range - 1, last)
    const filter = {
      address: [at.tasks, at.vault, at.arena, ...(at.emissions === undefined ? [] : [at.emissions])],
      fromBlock: `0x${from.toString(16)}`,
      toBlock: `0x${to.toString(16)}`,
    }
    try {
      const answer = rawLogs.safeParse(await rpc.send('eth_getLogs', [filter], signal))
      if (!answer.success)
        throw new CoveyError('E_RPC', `eth_getLogs: the answer is no list of logs: ${answer.error.issues[0]?.message}`)
      for (const log of answer.data) all.push(log)
    } catch (error) {
      if (!isCoveyError(error, 'E_RPC') || range <= NARROWEST_RANGE) throw error
      range = Math.max(NARROWEST_RANGE, Math.floor(range / 4))
      continue
    }
    if (all.length > MAX_EVENTS) throw new CoveyError('E_TOO_LARGE', `the history has more than ${MAX_EVENTS} events`)
    from = to + 1
    onProgress(from - at.block, last - at.block + 1)
  }
  return all.sort((a, b) => Number(a.blockNumber) - Number(b.blockNumber) || Number(a.logIndex) - Number(b.logIndex))
}

/** block -> unix seconds */
async function readTimes(rpc: Rpc, logs: readonly RawLog[], signal: AbortSignal): Promise<ReadonlyMap<number, number>> {
  const times = new Map<number, number>()
  for (const log of logs) if (log.blockTimestamp != null) times.set(Number(log.blockNumber), Number(log.blockTimestamp))
  const missing = [...new Set(logs.map((log) => Number(log.blockNumber)))].filter((block) => !times.has(block))
  const read = await inParts(missing, async (number): Promise<[number, number]> => {
    const block = await rpc.block(number, signal)
    if (block === null)
      throw new CoveyError('E_RPC', `the chain RPC has no block ${number}, in which it has events; try again`)
    return [number, block.timestamp]
  })
  for (const [block, time] of read) times.set(block, time)
  return times
}

function decode(log: RawLog, at: Deployment, times: ReadonlyMap<number, number>): HistoryEvent | null {
  const address = getAddress(log.address)
  const [contract, iface] = roomOf(address, at)
  const parsed = iface.parseLog({ topics: log.topics, data: log.data })
  if (parsed === null) return null
  const value = (i: number): unknown => {
    const arg: unknown = parsed.args[i]
    // ethers' lists also answer to names; a plain one is what the twin gives
    return Array.isArray(arg) ? Array.from(arg as readonly unknown[]) : arg
  }
  return {
    contract,
    name: parsed.name,
    block: Number(log.blockNumber),
    index: Number(log.logIndex),
    time: times.get(Number(log.blockNumber)) ?? 0,
    transaction: log.transactionHash as Hex,
    args: Object.fromEntries(parsed.fragment.inputs.map((input, i) => [input.name, value(i)])),
  }
}

function roomOf(address: string, at: Deployment): readonly [HistoryEvent['contract'], Interface] {
  if (address === at.tasks) return ['tasks', tasksInterface]
  if (address === at.arena) return ['arena', arenaInterface]
  return address === at.emissions ? ['emissions', emissionsInterface] : ['vault', vaultInterface]
}

async function inParts<T, R>(list: readonly T[], read: (item: T) => Promise<R>): Promise<readonly R[]> {
  const all: R[] = []
  for (let i = 0; i < list.length; i += AT_ONCE) all.push(...(await Promise.all(list.slice(i, i + AT_ONCE).map(read))))
  return all
}
