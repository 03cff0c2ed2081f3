/**
 * The embedded chain for one machine: anvil from npm under our own supervision. Blocks are sealed when a transaction
 * waits, never by a timer; the state is dumped whole to a temporary file and renamed, so a kill at any instant leaves the
 * last dump; a crash of anvil restarts it from there. Others reach it through an RPC front on 127.0.0.1 that lets only
 * harmless methods pass.
 *
 * @example
 * const chain = await startLocalChain({ dir: 'data/chain', chainId: 31337, funded: { [deployer]: 10n ** 21n } })
 * chain.url // http://127.0.0.1:PORT
 * await chain.stop()
 */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, open, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { anySignal, throwIfAborted } from '../../base/abort.ts'
import { CoveyError, messageOf } from '../../base/errors.ts'
import type { Address } from '../../types/ledger.ts'
import { postJson } from '../rpc/post-json.ts'
import { startRpcFront } from './rpc-front.ts'

export interface LocalChainOptions {
  /** holds genesis.json and state.json */
  readonly dir: string
  readonly chainId: number
  /** gas money of a fresh chain, wei */
  readonly funded: Readonly<Record<Address, bigint>>
  /** of the RPC front; 0 = any free one */
  readonly port?: number
  /** null: a block is sealed only when `admin('evm_mine')` says so. Else soon after each transaction that comes in */
  readonly seal?: null
  /** least time between two dumps of the state */
  readonly dump_ms?: number
  readonly signal?: AbortSignal
  /** told when anvil had to be started again, and why */
  readonly onRestart?: (reason: string) => void
}

export interface LocalChain {
  /** of the RPC front */
  readonly url: string
  readonly chainId: number
  /** anvil's process id, for tests that kill it */
  pid(): number | undefined
  restarts(): number
  /** full RPC for the supervisor itself and tests: evm_*, anvil_* too. @throws CoveyError E_RPC */
  admin(method: string, params?: readonly unknown[]): Promise<unknown>
  /** writes the state to disk now */
  dump(): Promise<void>
  stop(): Promise<void>
}

/** Transactions that come within this time share a block. */
const SEAL_AFTER_MS = 10
/** A look without a reason, for what came in another way than through the front. */
const LOOK_EVERY_MS = 500
const DEFAULT_DUMP_MS = 2_000
/** anvil is up in under 100 ms on a quiet machine. */
const START_LIMIT_MS = 20_000
const RPC_LIMIT_MS = 30_000
/** Between two attempts to start anvil that fail. */
const RESTART_DELAY_MS = 500
const BLOCK_GAS = 60_000_000

/** The anvil binary that npm installed for this platform. @throws CoveyError E_CONFIG */
export function anvilBinary(): string {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  const name = `@foundry-rs/anvil-${process.platform}-${arch}`
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'bin', 'anvil')
  } catch (cause) {
    throw new CoveyError(
      'E_CONFIG',
      `the embedded chain needs the npm package ${name}, which is not installed (or does not exist for this platform); run npm install, or give --rpc of a chain that runs elsewhere`,
      { package: name },
      { cause },
    )
  }
}

/** Starts (or continues) the chain of a folder. @throws CoveyError E_CONFIG | E_PORT | E_DISK | E_RPC | E_TIMEOUT */
export async function startLocalChain(options: LocalChainOptions): Promise<LocalChain> {
  const chain = new Supervisor(options)
  await chain.start()
  return chain
}

class Supervisor implements LocalChain {
  url = ''
  readonly chainId: number
  readonly #options: LocalChainOptions
  readonly #binary = anvilBinary()
  readonly #stopping = new AbortController()
  #child: ChildProcess | null = null
  #port = 0
  #restarts = 0
  #dirty = false
  /** aborted when a transaction has come since the last seal */
  #sent = new AbortController()
  #loop: Promise<void> = Promise.resolve()
  #closeFront: () => Promise<void> = async () => {}

  constructor(options: LocalChainOptions) {
    this.#options = options
    this.chainId = options.chainId
  }

  get #state(): string {
    return join(this.#options.dir, 'state.json')
  }

  async start(): Promise<void> {
    try {
      await mkdir(this.#options.dir, { recursive: true })
    } catch (cause) {
      throw new CoveyError('E_DISK', `cannot make ${this.#options.dir}: ${messageOf(cause)}`, {}, { cause })
    }
    await this.#launch()
    try {
      const front = await startRpcFront({
        port: this.#options.port ?? 0,
        target: () => this.#target(),
        onSent: () => {
          if (this.#options.seal !== null) this.#sent.abort()
        },
      })
      this.url = front.url
      this.#closeFront = front.close
    } catch (error) {
      await this.#kill()
      throw error
    }
    this.#loop = this.#supervise()
  }

  pid(): number | undefined {
    return this.#child?.pid
  }

  restarts(): number {
    return this.#restarts
  }

  async admin(method: string, params: readonly unknown[] = []): Promise<unknown> {
    let body: { result?: unknown; error?: { message?: string } }
    try {
      const question = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
      body = JSON.parse(await postJson(this.#target(), question, RPC_LIMIT_MS)) as typeof body
    } catch (cause) {
      throw new CoveyError('E_RPC', `the embedded chain does not answer ${method}: ${messageOf(cause)}`, {}, { cause })
    }
    if (body.error !== undefined)
      throw new CoveyError('E_RPC', `the embedded chain refused ${method}: ${body.error.message ?? 'no reason given'}`)
    // anything but a question may have changed the state
    if (!method.startsWith('eth_') && method !== 'txpool_status' && method !== 'anvil_dumpState') this.#dirty = true
    return body.result
  }

  async dump(): Promise<void> {
    const packed = await this.admin('anvil_dumpState')
    if (typeof packed !== 'string') throw new CoveyError('E_RPC', 'anvil_dumpState: expected a hex string')
    const bytes = await promisify(gunzip)(Buffer.from(packed.slice(2), 'hex'))
    const temporary = `${this.#state}.tmp`
    try {
      const file = await open(temporary, 'w')
      try {
        await file.writeFile(bytes)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(temporary, this.#state)
    } catch (cause) {
      throw new CoveyError(
        'E_DISK',
        `cannot write the chain's state ${this.#state}: ${messageOf(cause)}`,
        {},
        { cause },
      )
    }
  }

  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return this.#loop
    this.#stopping.abort()
    await this.#loop
    await this.#closeFront()
    try {
      if (this.#alive()) await this.dump()
    } finally {
      await this.#kill()
    }
  }

  #target(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  #alive(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null
  }

  async #launch(): Promise<void> {
    this.#port = await freePort()
    const fresh = !existsSync(this.#state)
    const genesis = join(this.#options.dir, 'genesis.json')
    if (fresh) await writeFile(genesis, JSON.stringify(this.#genesis()))
    const child = spawn(
      this.#binary,
      ['-q', '--host', '127.0.0.1', '-p', String(this.#port), '--accounts', '0', '--chain-id', String(this.chainId)]
        .concat(['--hardfork', 'osaka', '--gas-limit', String(BLOCK_GAS), '--no-mining', '--prune-history', '256'])
        .concat(fresh ? ['--init', genesis] : ['--load-state', this.#state]),
      { stdio: ['ignore', 'ignore', 'ignore'] },
    )
    this.#child = child
    let failure: string | null = null
    child.once('error', (error) => {
      failure = messageOf(error)
    })
    child.once('exit', (code, signal) => {
      failure ??= `it ended with ${signal ?? `code ${code}`}`
    })
    const limit = anySignal([this.#options.signal, this.#stopping.signal], START_LIMIT_MS)
    for (;;) {
      if (failure !== null) throw new CoveyError('E_RPC', `the embedded chain did not start: ${failure}`)
      const id = await this.admin('eth_chainId').catch(() => null)
      if (id !== null && Number(id) === this.chainId) break
      if (limit.aborted) {
        child.kill('SIGKILL')
        throwIfAborted(this.#options.signal)
        throw new CoveyError('E_TIMEOUT', `the embedded chain was not up within ${START_LIMIT_MS} ms`)
      }
      await delay(20)
    }
    if (fresh) await this.dump()
  }

  #genesis(): Record<string, unknown> {
    const alloc = Object.entries(this.#options.funded).map(([account, wei]) => [
      account,
      { balance: `0x${wei.toString(16)}` },
    ])
    return {
      config: { chainId: this.chainId },
      timestamp: `0x${Math.floor(Date.now() / 1000).toString(16)}`,
      gasLimit: `0x${BLOCK_GAS.toString(16)}`,
      difficulty: '0x0',
      alloc: Object.fromEntries(alloc),
    }
  }

  /** Seals what waits, dumps what changed, restarts what died. */
  async #supervise(): Promise<void> {
    const { signal } = this.#stopping
    let dumped = Date.now()
    while (!signal.aborted) {
      try {
        if (this.#options.seal !== null) await this.#seal()
        if (this.#dirty && Date.now() - dumped > (this.#options.dump_ms ?? DEFAULT_DUMP_MS)) {
          this.#dirty = false
          await this.dump()
          dumped = Date.now()
        }
      } catch (error) {
        if (signal.aborted) break
        if (!this.#alive()) {
          this.#restarts++
          this.#options.onRestart?.(messageOf(error))
          await this.#launch().catch(() => delay(RESTART_DELAY_MS))
        }
      }
      await this.#pause()
    }
  }

  async #seal(): Promise<void> {
    this.#sent = new AbortController()
    const pool = (await this.admin('txpool_status')) as { pending: string }
    if (Number(pool.pending) > 0) await this.admin('evm_mine')
  }

  /** Until a transaction was sent and its neighbours had time to come, or it is time for a look. */
  async #pause(): Promise<void> {
    const { signal } = this.#stopping
    const sent = this.#sent.signal
    await delay(LOOK_EVERY_MS, undefined, { signal: AbortSignal.any([signal, sent]) }).catch(() => {})
    if (sent.aborted && !signal.aborted) await delay(SEAL_AFTER_MS)
  }

  async #kill(): Promise<void> {
    const child = this.#child
    if (child === null || !this.#alive()) return
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), 5_000)
    await exited
    clearTimeout(late)
  }
}

/** A port that nobody listens on at this moment. */
async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new CoveyError('E_INTERNAL', 'a TCP server has no port')
  return address.port
}
