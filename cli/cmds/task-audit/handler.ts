import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AuditProgress, auditTask } from '../../../node/audit/audit.ts'
import { noNetwork } from '../../../node/audit/no-network.ts'
import { nodeFiles } from '../../../node/settings.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { withDisk } from '../../../src/base/disk.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import { BlobFiles } from '../../../src/store/blob-files.ts'
import { BorrowedBlobs, blobFolderOf, isFolder } from '../../../src/store/borrowed-blobs.ts'
import { createMemoryStore } from '../../../src/store/memory-store.ts'
import { createLibp2pTransport } from '../../../src/transport/libp2p-transport.ts'
import { generatePeerKey } from '../../../src/transport/peer-key.ts'
import type { Transport } from '../../../src/types/transport.ts'
import { taskNumberOf } from '../../amounts.ts'
import type { Handler } from '../../command.ts'
import { configOf, duration, engineOf, loadExamples, openModel } from '../../common.ts'
import { withReadOnlyLedger } from '../../ledger.ts'
import type { taskAuditOptions } from './options.ts'
import { pictureOf } from './picture.ts'
import { linesOf } from './table.ts'

export const taskAuditHandler: Handler<typeof taskAuditOptions> = async (options, [number = ''], context) => {
  const { output, signal } = context
  const task = taskNumberOf(number)
  const { dir, rpc, contracts, bootstrap, model: modelName, engine: engineName, device, threads } = options
  const config = configOf(
    { dir, rpc, contracts, bootstrap, model: modelName, engine: engineName, device, threads },
    context,
  )
  const folders = await blobFolders(config.dir, options.blobs)
  const { model, tokenizer } = await openModel(config, signal)
  const engine = await engineOf(config)
  // what is pulled is for this audit: it goes when it is over
  const scratch = await withDisk(tmpdir(), () => mkdtemp(join(tmpdir(), 'covey-audit-')))
  const pulled = new BlobFiles(join(scratch, 'blobs'), () => false)
  const memory = createMemoryStore()
  let transport: Transport | null = null
  try {
    await pulled.start()
    transport = await transportTo(config.settings.bootstrap ?? [])
    const network = transport
    const audit = await withReadOnlyLedger(config, null, (ledger) =>
      auditTask(
        {
          clock: systemClock,
          store: { ...memory, blobs: new BorrowedBlobs(folders, pulled) },
          ledger,
          transport: network,
          training: engine,
          inference: engine,
          tokenizer,
          model,
          emit: (event) => {
            if (event.event === 'problem') output.note(event.message)
          },
          randomBytes: (): never => {
            throw new CoveyError('E_INTERNAL', 'an audit draws no secrets')
          },
        },
        {
          task,
          rounds: options.rounds,
          permutations: options.permutations,
          tolerance: options.tolerance,
          seed: options.seed,
          threads: config.settings.threads ?? 0,
          mostExamples: options.examples,
          loadExamples:
            options.data === null
              ? null
              : async ({ data }) => {
                  const templates = {
                    prompt: options.prompt ?? data.prompt,
                    completion: options.completion ?? data.completion,
                    thinking: options.thinking ?? data.thinking ?? null,
                    partitionBy: options.partitionBy,
                  }
                  return (await loadExamples(options.data as string, templates, tokenizer, signal)).examples
                },
          onProgress: (progress) => output.progress(progressLine(progress)),
        },
        signal,
      ),
    )
    for (const line of linesOf(audit, (wei) => output.amount(wei))) output.line(line)
    if (options.plot !== null && audit.rounds.length > 0) {
      const file = options.plot
      await withDisk(file, () => writeFile(file, pictureOf(audit)))
      output.line(`picture: ${file}`)
    }
    return audit
  } finally {
    await transport?.stop()
    await pulled.stop()
    await memory.close()
    await rm(scratch, { recursive: true, force: true })
  }
}

/** The data directory's own, which may have none yet, and those that were named. @throws CoveyError E_CONFIG | E_DISK */
async function blobFolders(dir: string, named: readonly string[]): Promise<readonly string[]> {
  const folders: string[] = []
  const own = await blobFolderOf(nodeFiles.store(dir))
  if (await isFolder(own)) folders.push(own)
  for (const folder of named) {
    if (!(await isFolder(folder)))
      throw new CoveyError('E_CONFIG', `--blobs: expected a folder, got ${folder}`, { folder })
    const store = nodeFiles.store(folder)
    folders.push(await blobFolderOf((await isFolder(store)) ? store : folder))
  }
  return folders
}

/** Under a name of its own, for nobody to know again; it serves nothing. */
async function transportTo(bootstrap: readonly string[]): Promise<Transport> {
  if (bootstrap.length === 0) return noNetwork()
  const transport = createLibp2pTransport({ privateKey: await generatePeerKey(), listen: [], bootstrap, mdns: false })
  await transport.start()
  return transport
}

function progressLine({ round, measured, of, secondsLeft }: AuditProgress): string {
  return `round ${round}: ${measured} of at most ${of} coalitions, ${duration(secondsLeft)} left`
}
