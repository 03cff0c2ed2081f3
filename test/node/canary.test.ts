/**
 * Nothing private leaves a node. Three nodes with canaries in their private files do a round with the real data pipeline,
 * tokenizer, engine, network and disk, and serve the model; every byte that passes a door is searched.
 */
import { randomBytes } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { createCoordinator } from '../../coordinator/create-coordinator.ts'
import type { TaskContext } from '../../node/context.ts'
import { createNode } from '../../node/create-node.ts'
import { loadPrivateData } from '../../node/private-data.ts'
import { systemClock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import { encodeSlice, probeFromBytes } from '../../src/data/slices.ts'
import { loadTokenizer } from '../../src/data/tokenizer.ts'
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts'
import { createMemoryChain } from '../../src/ledger/memory/ledger.ts'
import { createRandomModel } from '../../src/model/random.ts'
import { ModelSlot } from '../../src/serve/model-slot.ts'
import { createServer } from '../../src/serve/server.ts'
import { createMemoryStore } from '../../src/store/memory-store.ts'
import { openStore } from '../../src/store/open-store.ts'
import { createLibp2pTransport } from '../../src/transport/libp2p-transport.ts'
import { createMemoryTransport, MemoryHub } from '../../src/transport/memory-transport.ts'
import { generatePeerKey } from '../../src/transport/peer-key.ts'
import type { Tokenizer } from '../../src/types/data.ts'
import type { Address } from '../../src/types/ledger.ts'
import type { TaskSpec } from '../../src/types/spec.ts'
import { Doors, findCanaries, innerTokens } from '../support/canary.ts'
import { toySpec, toyTerms } from '../support/simulation.ts'
import { useTempFolders } from '../support/temp-folder.ts'
import { tinyConfig } from '../support/tiny-config.ts'

const TOKEN = 10n ** 18n
const MODEL_FOLDER = new URL('../../models/covey-nano', import.meta.url).pathname
const NODES = 3
/** One in a prompt, one in a completion, one in a line that is no JSON, one in a record that lacks a field. */
const PLACES = ['prompt', 'completion', 'broken', 'fieldless'] as const
type Place = (typeof PLACES)[number]
const canary = (node: number, place: Place): string =>
  `Zq${node}Xylograph-${place}-Wub${node}vexing${7_731 * (node + 1)}`
const CANARIES = Array.from({ length: NODES }, (_, n) => PLACES.map((p) => canary(n, p))).flat()

const DATA = { prompt: 'Utterance: {text}\nIntent:', completion: ' {intent}' }

async function writePrivateFile(file: string, n: number): Promise<void> {
  const plain = Array.from({ length: 36 }, (_, i) =>
    JSON.stringify({ text: `say thing ${i} ${i % 4}`, intent: `greet ${i % 4}` }),
  )
  const planted = [
    JSON.stringify({ text: `please ${canary(n, 'prompt')} now`, intent: 'greet 1' }),
    JSON.stringify({ text: 'what is the secret', intent: `it is ${canary(n, 'completion')} really` }),
    `{"text": ${canary(n, 'broken')}`,
    JSON.stringify({ note: canary(n, 'fieldless') }),
  ]
  await writeFile(file, [...planted, ...plain].join('\n'))
}

describe('canaries', () => {
  const folder = useTempFolders()
  let tokenizer: Tokenizer
  before(async () => {
    tokenizer = await loadTokenizer(MODEL_FOLDER)
  })

  it('planted in private files are in no byte that leaves a node', async () => {
    const dir = await folder()
    const doors = new Doors()
    const closeTerminal = doors.terminal()
    const model = createRandomModel(
      {
        ...tinyConfig,
        vocabSize: tokenizer.vocabSize,
        hiddenSize: 32,
        headDim: 8,
        ffnSize: 64,
        bosId: null,
        eosIds: [tokenizer.eosId],
      },
      3,
    )
    const spec: TaskSpec = toySpec({
      model: { name: model.name, digest: model.digest },
      training: { ...toySpec().training, steps: 3, batchExamples: 8, maxTokens: 64, learningRate: 0.01 },
      scoring: { sliceExamples: 4, privateExamples: 4 },
      data: DATA,
    })
    const slice = encodeSlice(
      Array.from({ length: 4 }, (_, i) => ({
        prompt: `Utterance: hello ${i}\nIntent:`,
        completion: ` greet ${i}`,
        partition: '',
      })),
    )
    const { mint, ledger: ledgerOf, chain } = createMemoryChain({ clock: systemClock, seed: 'canary' })
    const closers: (() => Promise<unknown>)[] = []
    const engine = createOnnxEngine()
    const open = async (n: number, bootstrap: readonly string[]) => {
      const address: Address = `0x${(0x2000 + n).toString(16).padStart(40, '0')}`
      mint(address, 1000n * TOKEN)
      const store = await openStore(join(dir, `store-${n}`))
      closers.push(() => store.close())
      const transport = createLibp2pTransport({
        privateKey: await generatePeerKey(),
        listen: ['/ip4/127.0.0.1/tcp/0'],
        bootstrap,
        mdns: false,
      })
      await transport.start()
      closers.push(() => transport.stop())
      const ledger = ledgerOf(address)
      await ledger.start()
      closers.push(() => ledger.stop())
      return {
        clock: systemClock,
        store,
        ledger: doors.ledger(ledger),
        transport: doors.transport(transport),
        training: engine,
        inference: engine,
        tokenizer,
        model,
        emit: doors.event.bind(doors),
        randomBytes: (length: number) => new Uint8Array(randomBytes(length)),
      }
    }
    try {
      const hub = await open(NODES, [])
      const terms = toyTerms({ rounds: 1, proposers: 2, voters: 1 })
      const { task, node: coordinator } = await createCoordinator(hub, { spec, terms, probe: probeFromBytes([slice]) })
      closers.push(() => coordinator.stop())
      const nodes = []
      for (let n = 0; n < NODES; n++) {
        const file = join(dir, `private-${n}.jsonl`)
        await writePrivateFile(file, n)
        const parts = await open(n, hub.transport.addresses())
        await parts.ledger.deposit(100n * TOKEN)
        const node = createNode(parts, {
          task,
          duties: { participate: true, keep: false },
          threads: 1,
          loadData: (known) => loadPrivateData({ file, prompt: null, completion: null }, known, tokenizer),
          created: null,
          tamper: null,
        })
        nodes.push(node)
        closers.push(() => node.stop())
      }
      await Promise.all(nodes.map((node) => node.finished))

      // the round was real, and the canaries were in what the nodes trained on
      const { settlement } = chain.round(task, 1)
      expect(settlement?.proposers.map((p) => p.outcome)).to.deep.equal(['included', 'included'])
      expect(settlement?.voters.map((v) => v.outcome)).to.deep.equal(['agreed'])
      const contexts = await Promise.all(nodes.map((node) => node.context))
      contexts.forEach(({ data }, n) => {
        const ids = [...(data?.train ?? []), ...(data?.heldOut ?? [])].map((e) => e.ids.join(','))
        for (const place of ['prompt', 'completion'] as const) {
          const wanted = innerTokens(canary(n, place), tokenizer).join(',')
          expect(
            ids.filter((text) => text.includes(wanted)),
            `${place} of node ${n}`,
          ).to.have.length(1)
        }
      })

      await askServed(doors, contexts[0] as (typeof contexts)[number])
      await provokeErrors(doors, dir, spec, tokenizer)
    } finally {
      for (const close of closers.reverse()) await close()
      closeTerminal()
    }
    for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
      if (entry.isFile() && !entry.name.startsWith('private-'))
        doors.add(`file ${entry.name}`, await readFile(join(entry.parentPath, entry.name)))
    }

    const seen = new Set(doors.captures.map((c) => c.where.split(' ')[0]))
    expect([...seen]).to.include.members([
      'gossip',
      'served',
      'signed',
      'ledger',
      'event',
      'sentence',
      'file',
      'http',
      'error',
    ])
    expect(findCanaries(doors.captures, CANARIES, tokenizer)).to.deep.equal([])
  })

  describe('are found when a node leaks', () => {
    const secret = canary(0, 'prompt')
    const ids = (): number[] => tokenizer.encode(`so ${secret} then`)
    const leaks: Record<string, (doors: Doors) => Promise<void> | void> = {
      'in an event': (doors) =>
        doors.event({ event: 'problem', code: 'E_INTERNAL', message: `cannot read ${secret}`, doing: 'train' }),
      'in an error’s cause': (doors) =>
        doors.error('error', new Error('refused', { cause: new Error(`bad: ${secret}`) })),
      'in gossip, as base64': async (doors) => {
        const transport = createMemoryTransport({ hub: new MemoryHub(), privateKey: await generatePeerKey() })
        await transport.start()
        const text = Buffer.from(`any${secret}thing`).toString('base64')
        await doors.transport(transport).publish('topic', Buffer.from(text))
      },
      'in a served blob, as token ids': async (doors) => {
        const hub = new MemoryHub()
        const [a, b] = [
          createMemoryTransport({ hub, privateKey: await generatePeerKey() }),
          createMemoryTransport({ hub, privateKey: await generatePeerKey() }),
        ]
        await Promise.all([a.start(), b.start()])
        const [from, to] = [createMemoryStore(), createMemoryStore()]
        const bytes = new Uint8Array(Int32Array.from(ids()).buffer)
        const digest = await from.blobs.put(bytes)
        doors.transport(a).serveBlobs(from.blobs)
        const into = await to.blobs.partial(digest, bytes.byteLength, 10_000)
        await b.pull({ digest, size: bytes.byteLength, from: [], into })
      },
      'in a transaction, as hex': async (doors) => {
        const { ledger } = createMemoryChain({ clock: systemClock })
        const slice = { digest: Buffer.from(secret).toString('hex').toUpperCase(), size: 1, proof: [] }
        await doors
          .ledger(ledger('0x0000000000000000000000000000000000002000'))
          .revealProbe(1, 1, slice)
          .catch(() => undefined)
      },
      'in a log line, in lower case': (doors) => {
        const close = doors.terminal()
        try {
          process.stdout.write(`    (${secret.toLowerCase()} leaks on purpose)\n`)
        } finally {
          close()
        }
      },
      'as JSON of token ids': (doors) => doors.add('http', JSON.stringify({ ids: ids() })),
    }
    for (const [name, leak] of Object.entries(leaks)) {
      it(name, async () => {
        const doors = new Doors()
        await leak(doors)
        expect(findCanaries(doors.captures, [secret], tokenizer)).to.not.be.empty
        expect(findCanaries(doors.captures, [canary(1, 'completion')], tokenizer)).to.be.empty
      })
    }
  })
})

/** The served model's answers, good and bad; a random model cannot have learnt its data by heart in three steps. */
async function askServed(doors: Doors, context: TaskContext): Promise<void> {
  const { inference, model, tokenizer, layout, clock } = context
  const slot = new ModelSlot({
    id: 'canary',
    inference: await inference.openInference({ model, layout, threads: 1 }),
    tokenizer,
    baseDigest: model.digest,
    adapterDigest: null,
    contextTokens: model.config.maxPositions,
    stopIds: [tokenizer.eosId],
  })
  const log = (...args: unknown[]): void => doors.add('http log', JSON.stringify(args))
  const server = createServer({
    slot,
    port: 0,
    clock,
    random: seededRandom(1),
    logger: { info: log, warn: log, error: log },
  })
  await server.start()
  try {
    const requests: [string, unknown][] = [
      ['/healthz', null],
      ['/v1/models', null],
      ['/v1/completions', { model: 'canary', prompt: 'Utterance: please', max_tokens: 8 }],
      ['/v1/completions', { model: 'canary', prompt: 'Utterance: please', max_tokens: 4, stream: true }],
      ['/v1/completions', { model: 'canary', prompt: 5 }],
    ]
    for (const [path, body] of requests) {
      const init =
        body === null
          ? {}
          : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
      const answer = await fetch(server.url + path, init)
      doors.add(`http ${path}`, JSON.stringify([...answer.headers]) + (await answer.text()))
    }
  } finally {
    await server.stop()
    await slot.close()
  }
}

/** Files that are refused: the reasons are shown to people, so they may not quote what is in them. */
async function provokeErrors(doors: Doors, dir: string, spec: TaskSpec, tokenizer: Tokenizer): Promise<void> {
  const broken = join(dir, 'private-broken.jsonl')
  await writeFile(broken, CANARIES.map((c) => `{"text": "${c}", ${c}`).join('\n'))
  const fieldless = join(dir, 'private-fieldless.jsonl')
  await writeFile(
    fieldless,
    CANARIES.map((c) => JSON.stringify({ note: c, messages: [{ role: c, content: c }] })).join('\n'),
  )
  for (const file of [broken, fieldless]) {
    for (const prompt of [null, '{nothing} {note.deep}']) {
      let refused = false
      try {
        await loadPrivateData({ file, prompt, completion: prompt }, spec, tokenizer)
      } catch (error) {
        refused = true
        doors.error('error', error)
      }
      expect(refused, `${file} with ${prompt}`).to.equal(true)
    }
  }
}
