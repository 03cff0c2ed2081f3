/** Opens the chain for one command: with the account's key to write, without it to look. */
import { readFile } from 'node:fs/promises'
import { getAddress } from 'ethers'
import { readAddresses } from '../node/addresses.ts'
import { nodeFiles } from '../node/settings.ts'
import { txJournalOf } from '../node/tx-journal.ts'
import { CoveyError } from '../src/base/errors.ts'
import { createEvmLedger, type EvmLedger } from '../src/ledger/evm/ledger.ts'
import type { EvmLedgerOptions } from '../src/ledger/evm/link.ts'
import { Rpc } from '../src/ledger/rpc/rpc.ts'
import { createMemoryTxJournal, type TxJournal } from '../src/ledger/tx/journal.ts'
import { openStore } from '../src/store/open-store.ts'
import type { Address } from '../src/types/ledger.ts'
import type { Signer } from '../src/types/signer.ts'
import type { Store } from '../src/types/store.ts'
import type { CommandContext } from './command.ts'
import { type Config, required } from './config.ts'
import { openSigner } from './signer.ts'
import { askingSigner } from './write/asking-signer.ts'
import { type DeskChain, WriteDesk } from './write/desk.ts'
import { Outbox } from './write/outbox.ts'

/** Of what was typed, as much as a message repeats. */
const MAX_SHOWN = 80
/** What nobody holds: for looking at a chain without an account of one's own. */
const NOBODY: Address = '0x0000000000000000000000000000000000000000'

/** What a command opens on the chain: a ledger, or another view of the contracts. */
export interface Opened {
  start(): Promise<void>
  stop(): Promise<void>
}

/** `withWriter` for a ledger. */
export function withLedger<T>(
  config: Config,
  passwordFile: string | null,
  context: CommandContext,
  work: (ledger: EvmLedger, store: Store, desk: WriteDesk) => Promise<T>,
): Promise<T> {
  return withWriter(config, passwordFile, context, createEvmLedger, work)
}

/**
 * Runs `work` with what can send: nothing leaves before a person has agreed to it (or `--yes`), and what goes through
 * the desk is not done twice when the command is repeated.
 * @throws CoveyError E_CONTRACT, what `withDesk` throws, and what `work` throws
 */
export async function withWriter<T, O extends Opened>(
  config: Config,
  passwordFile: string | null,
  context: CommandContext,
  open: (options: EvmLedgerOptions & { readonly journal: TxJournal }) => O,
  work: (opened: O, store: Store, desk: WriteDesk) => Promise<T>,
): Promise<T> {
  const rpcUrl = required(config, 'rpc')
  const addresses = await readAddresses(required(config, 'contracts'))
  return withDesk(config, passwordFile, context, addresses.chainId, async ({ desk, signer, store, journal }) => {
    const opened = open({ rpcUrl, addresses, signer, journal })
    // an interrupted command waits no longer; what was sent is on record
    const stop = (): void => void opened.stop()
    context.signal.addEventListener('abort', stop, { once: true })
    try {
      await opened.start()
      return await work(opened, store, desk)
    } finally {
      context.signal.removeEventListener('abort', stop)
      await opened.stop()
    }
  })
}

/** What a command writes with. */
export interface Writing {
  readonly desk: WriteDesk
  /** asks before it signs */
  readonly signer: Signer
  readonly store: Store
  /** of the transaction queue */
  readonly journal: TxJournal
}

/**
 * Runs `work` with a signer that asks before it signs. The data directory's store is held meanwhile: a node that runs on it
 * has the account's nonces in hand.
 * @throws CoveyError E_CONFIG | E_LOCKED | E_PASSWORD | E_KEY | E_SIGNER | E_RPC | E_CHAIN_ID, and what `work` throws
 */
export async function withDesk<T>(
  config: Config,
  passwordFile: string | null,
  context: CommandContext,
  chainId: number,
  work: (writing: Writing) => Promise<T>,
): Promise<T> {
  const rpc = new Rpc({ url: required(config, 'rpc'), chainId })
  let store: Store | null = null
  try {
    let outbox: Outbox | null = null
    const inner = await openSigner(config, passwordFile, context, {
      lookUp: (hash) => rpc.send('eth_getTransactionByHash', [hash], context.signal),
      onSend: async (nonce) => outbox?.asked(nonce),
    })
    store = await openStore(nodeFiles.store(config.dir))
    outbox = new Outbox(store.facts, chainId, inner.address)
    const journal = txJournalOf(store)
    const chain: DeskChain = {
      receipt: (hash) => rpc.receipt(hash, context.signal),
      nonce: (tag) => rpc.nonce(inner.address, tag, context.signal),
    }
    const desk = new WriteDesk({ context, outbox, journal, chain })
    const signer = askingSigner(inner, (charge) => desk.approve(charge))
    return await work({ desk, signer, store, journal: outbox.journal(journal) })
  } finally {
    await store?.close()
    rpc.close()
  }
}

/** `withReader` for a ledger. */
export function withReadOnlyLedger<T>(
  config: Config,
  account: Address | null,
  work: (ledger: EvmLedger) => Promise<T>,
): Promise<T> {
  return withReader(config, account, createEvmLedger, work)
}

/**
 * Runs `work` with what can only look: no password, no lock.
 * @throws CoveyError E_CONFIG | E_RPC | E_CHAIN_ID | E_CONTRACT, and what `work` throws
 */
export async function withReader<T, O extends Opened>(
  config: Config,
  account: Address | null,
  open: (options: EvmLedgerOptions) => O,
  work: (opened: O) => Promise<T>,
): Promise<T> {
  const rpcUrl = required(config, 'rpc')
  const addresses = await readAddresses(required(config, 'contracts'))
  const signer = readOnlySigner(account ?? NOBODY)
  const opened = open({ rpcUrl, addresses, signer, journal: createMemoryTxJournal() })
  await opened.start()
  try {
    return await work(opened)
  } finally {
    await opened.stop()
  }
}

/** An address as text, checksum and all. @param name what the command line calls it @throws CoveyError E_CONFIG */
export function addressOf(text: string, name: string): Address {
  try {
    return getAddress(text) as Address
  } catch (cause) {
    const message = `${name}: expected an address of 40 hex digits with 0x and a right checksum, got ${text.slice(0, MAX_SHOWN)}`
    throw new CoveyError('E_CONFIG', message, {}, { cause })
  }
}

/** `--account`, else the one of the data directory's key file. @throws CoveyError E_CONFIG | E_KEY */
export async function accountOf(given: string | null, dir: string): Promise<Address> {
  if (given !== null) return addressOf(given, '--account')
  const file = nodeFiles.accountKey(dir)
  try {
    const { address } = JSON.parse(await readFile(file, 'utf8')) as { address?: unknown }
    return getAddress(`0x${String(address).replace(/^0x/, '')}`) as Address
  } catch (cause) {
    const message = `no account in ${file}: run \`covey init\`, give another --dir, or name one with --account`
    throw new CoveyError('E_KEY', message, { file }, { cause })
  }
}

function readOnlySigner(address: Address): Signer {
  const refuse = async (): Promise<never> => {
    throw new CoveyError('E_KEY', 'this command only looks: it has no key to sign with')
  }
  return { address, signTypedData: refuse, signTransaction: refuse }
}
