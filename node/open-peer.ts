/** Opens the real parts of a node from its folder: keys, store, chain, network, model, engine. Closes them in reverse. */
import { randomBytes } from 'node:crypto'
import { systemClock } from '../src/base/clock.ts'
import { CoveyError, isCoveyError } from '../src/base/errors.ts'
import { loadTokenizer } from '../src/data/tokenizer.ts'
import { openEngine } from '../src/engine/open-engine.ts'
import { createEvmLedger } from '../src/ledger/evm/ledger.ts'
import { openAccountFile } from '../src/ledger/keys/accounts.ts'
import { openExternalSigner } from '../src/ledger/keys/external-signer.ts'
import { Rpc } from '../src/ledger/rpc/rpc.ts'
import { loadModel } from '../src/model/folder/load.ts'
import { openStore } from '../src/store/open-store.ts'
import { createLibp2pTransport } from '../src/transport/libp2p-transport.ts'
import { loadPeerKey } from '../src/transport/peer-key.ts'
import type { Signer } from '../src/types/signer.ts'
import { readAddresses } from './addresses.ts'
import type { NodeComponents } from './context.ts'
import type { Emit } from './events.ts'
import { nodeFiles, type PeerSettings } from './settings.ts'
import { txJournalOf } from './tx-journal.ts'

export interface OpenPeer {
  readonly components: NodeComponents
  close(): Promise<void>
}

/** @throws CoveyError E_PASSWORD | E_KEY | E_SIGNER | E_LOCKED | E_DISK | E_RPC | E_CHAIN_ID | E_CONTRACT | E_MODEL_FILE | E_PORT */
export async function openPeer(settings: PeerSettings, password: string, emit: Emit): Promise<OpenPeer> {
  const closers: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer().catch(() => undefined)
  }
  try {
    const store = await openStore(nodeFiles.store(settings.dir))
    closers.push(() => store.close())
    const { rpc: rpcUrl, addressesFile } = settings.chain
    const addresses = await readAddresses(addressesFile)
    const signer = await openSigner(settings, password, addresses.chainId, closers)
    const privateKey = await loadPeerKey(nodeFiles.peerKey(settings.dir), password)
    const [model, tokenizer] = await Promise.all([loadModel(settings.model), loadTokenizer(settings.model)])
    const ledger = createEvmLedger({
      rpcUrl,
      addresses,
      signer,
      journal: txJournalOf(store),
      // an outage, or a transaction that waits for people; that it is over shows by itself
      onTrouble: (error) => {
        if (error !== null) emit({ event: 'problem', code: error.code, message: error.message, doing: 'chain' })
      },
    })
    await ledger.start()
    closers.push(() => ledger.stop())
    const { listen, bootstrap, mdns } = settings.network
    const transport = createLibp2pTransport({ privateKey, listen, bootstrap, mdns })
    await transport.start()
    closers.push(() => transport.stop())
    const engine = await openEngine(settings.engine.name, settings.engine.settings)
    const components: NodeComponents = {
      clock: systemClock,
      store,
      ledger,
      transport,
      training: engine,
      inference: engine,
      tokenizer,
      model,
      emit,
      randomBytes: (length) => randomBytes(length),
    }
    return { components, close }
  } catch (error) {
    await close()
    throw isCoveyError(error)
      ? error
      : new CoveyError('E_INTERNAL', 'the node could not be opened', {}, { cause: error })
  }
}

/** The external signer that is set, else the folder's key file. */
async function openSigner(
  { dir, chain }: PeerSettings,
  password: string,
  chainId: number,
  closers: (() => Promise<void>)[],
): Promise<Signer> {
  if (chain.signer === null) return openAccountFile(nodeFiles.accountKey(dir), password)
  const rpc = new Rpc({ url: chain.rpc, chainId })
  closers.push(async () => rpc.close())
  return openExternalSigner({ ...chain.signer, lookUp: (hash) => rpc.send('eth_getTransactionByHash', [hash]) })
}
