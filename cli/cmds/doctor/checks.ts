/** What `covey doctor` tries. Each check throws, or says in a line what it found. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { availableParallelism, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { CoveyError, messageOf } from '../../../src/base/errors.ts'
import { loadTokenizer } from '../../../src/data/tokenizer.ts'
import { describeBackends } from '../../../src/engine/onnx/devices.ts'
import { listBackends } from '../../../src/engine/onnx/session.ts'
import type { Engine } from '../../../src/engine/open-engine.ts'
import { anvilBinary } from '../../../src/ledger/chain/local-chain.ts'
import { countParameters, loadModel } from '../../../src/model/folder/load.ts'
import { createRandomModel } from '../../../src/model/random.ts'
import type { ModelConfig } from '../../../src/types/model.ts'

const execute = promisify(execFile)

/** A node with a small model needs about this much for blobs and its journal. */
const MIN_FREE_BYTES = 1024 ** 3
/** A participant of a small model peaks below this; the machine also wants some. */
const MIN_MEMORY_BYTES = 2 * 1024 ** 3
const ANVIL_TIMEOUT_MS = 10_000
const GIB = 1024 ** 3

/** Small enough to build and run in a moment, with every kind of layer. */
const TINY: ModelConfig = {
  architecture: 'LlamaForCausalLM',
  vocabSize: 16,
  hiddenSize: 8,
  layers: 1,
  heads: 2,
  kvHeads: 1,
  headDim: 4,
  ffnSize: 16,
  normEpsilon: 1e-5,
  ropeTheta: 10_000,
  maxPositions: 16,
  tiedEmbeddings: true,
  bosId: null,
  eosIds: [0],
  padId: null,
}

export async function checkNode(): Promise<string> {
  if (Number(process.versions.node.split('.')[0]) >= 22)
    return `Node ${process.versions.node} on ${process.platform}/${process.arch}`
  throw new CoveyError('E_CONFIG', `expected Node 22 or newer, got ${process.versions.node}`)
}

export async function checkMachine(): Promise<string> {
  const line = `${availableParallelism()} cores, ${(totalmem() / GIB).toFixed(1)} GiB of memory`
  if (totalmem() >= MIN_MEMORY_BYTES) return line
  throw new CoveyError('E_ENGINE', `expected at least ${MIN_MEMORY_BYTES / GIB} GiB of memory, got ${line}`)
}

/** Runs a model, so that a binary that loads and then fails shows too. */
export async function checkEngine(engine: Engine): Promise<string> {
  const model = createRandomModel(TINY, 1)
  const inference = await engine.openInference({ model, layout: null, threads: 1 })
  try {
    const options = { maxTokens: 2, temperature: 0, topP: 1, seed: 1, stopIds: [] }
    let tokens = 0
    for await (const _ of inference.generate([[1, 2, 3]], options)) tokens++
    if (tokens === 2) return `${engine.name} ran a tiny model`
    throw new CoveyError('E_ENGINE', `a tiny model should have made 2 tokens, it made ${tokens}`)
  } finally {
    await inference.close()
  }
}

/** What this onnxruntime-node may compute on: a library that is in the package says nothing of the machine's devices. */
export async function checkDevices(): Promise<string> {
  return `ONNX Runtime has ${describeBackends(listBackends())}`
}

export async function checkChainBinary(): Promise<string> {
  const { stdout } = await execute(anvilBinary(), ['--version'], { timeout: ANVIL_TIMEOUT_MS })
  return stdout.split('\n')[0] ?? 'anvil'
}

export async function checkDisk(dir: string): Promise<string> {
  let existing = dir
  while (!existsSync(existing)) existing = dirname(existing)
  const probe = join(existing, `.covey-doctor-${randomBytes(4).toString('hex')}`)
  try {
    await mkdir(probe)
    await writeFile(join(probe, 'file'), randomBytes(4096))
  } catch (cause) {
    throw new CoveyError('E_DISK', `${existing} cannot be written: ${messageOf(cause)}`, { dir: existing }, { cause })
  } finally {
    await rm(probe, { recursive: true, force: true })
  }
  const { bavail, bsize } = await statfs(existing)
  const free = bavail * bsize
  const line = `${existing} can be written, ${(free / GIB).toFixed(1)} GiB free`
  if (free >= MIN_FREE_BYTES) return line
  throw new CoveyError('E_DISK', `expected at least ${MIN_FREE_BYTES / GIB} GiB free: ${line}`, { dir: existing })
}

export function checkPort(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const message = `port ${port} on 127.0.0.1 cannot be used (${cause.code ?? cause.message})`
      reject(new CoveyError('E_PORT', message, { port }, { cause }))
    })
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(`port ${port} on 127.0.0.1 is free`)))
  })
}

export async function checkModel(dir: string): Promise<string> {
  const model = await loadModel(dir)
  const tokenizer = await loadTokenizer(dir)
  const { config } = model
  if (tokenizer.vocabSize > config.vocabSize) {
    const message = `${dir}: the tokenizer has ${tokenizer.vocabSize} tokens, the model only ${config.vocabSize}`
    throw new CoveyError('E_TOKENIZER', message, { dir })
  }
  const parameters = countParameters(model)
  return `${model.name}: ${(parameters / 1e6).toFixed(1)} M parameters, context ${config.maxPositions}, digest ${model.digest.slice(0, 16)}`
}
