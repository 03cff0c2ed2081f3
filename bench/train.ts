/**
 * One LoRA step on the shape of SmolLM2-135M (random weights): ours beside PyTorch's, step by step in turn, medians.
 *
 *   node bench/train.ts [--steps 7] [--threads 2] [--layers 30] [--json]
 *
 * PyTorch (Debian: python3-torch) is optional; without it its figures are null.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createLayout, initialAdapter, linearNames } from '../src/adapter/layout.ts'
import { createOnnxEngine } from '../src/engine/onnx-engine.ts'
import { createRandomModel } from '../src/model/random.ts'
import type { PackedBatch } from '../src/types/data.ts'
import type { ModelConfig } from '../src/types/model.ts'

const { values: args } = parseArgs({
  options: {
    steps: { type: 'string', default: '7' },
    threads: { type: 'string', default: '2' },
    layers: { type: 'string', default: '30' },
    json: { type: 'boolean', default: false },
  },
})
const threads = Number(args.threads)
const config: ModelConfig = {
  architecture: 'LlamaForCausalLM',
  vocabSize: 49_152,
  hiddenSize: 576,
  layers: Number(args.layers),
  heads: 9,
  kvHeads: 3,
  headDim: 64,
  ffnSize: 1536,
  normEpsilon: 1e-5,
  ropeTheta: 10_000,
  maxPositions: 2048,
  tiedEmbeddings: true,
  bosId: null,
  eosIds: [0],
  padId: null,
}
const rows = 4
const length = 128
const lora = { rank: 8, alpha: 16, rsLora: false, dropout: 0, targets: linearNames(config), seed: 1 }

const n = rows * length
const range = (value: (i: number) => number): Int32Array => Int32Array.from({ length: n }, (_, i) => value(i))
const batch: PackedBatch = {
  rows,
  length,
  ids: range((i) => (i * 7919) % config.vocabSize),
  labels: range((i) => ((i + 1) * 7919) % config.vocabSize),
  positions: range((i) => i % length),
  segments: range((i) => 1 + Math.floor(i / length)),
  examples: rows,
  labelCount: n,
}

interface Peer {
  /** milliseconds of one step */
  step(): Promise<number>
  close(): void
}

/** Debian's python3-torch belongs to the system's Python, which another `python3` may hide. */
const PYTHONS = ['python3', '/usr/bin/python3']

async function torchPeer(dtype: 'fp32' | 'bf16'): Promise<Peer | null> {
  for (const python of PYTHONS) {
    const peer = await torchPeerOf(python, dtype)
    if (peer !== null) return peer
  }
  return null
}

async function torchPeerOf(python: string, dtype: 'fp32' | 'bf16'): Promise<Peer | null> {
  const script = fileURLToPath(new URL('torch_lora_step.py', import.meta.url))
  const settings = JSON.stringify({ ...config, rows, length, rank: lora.rank, alpha: lora.alpha })
  const process: ChildProcess = spawn(python, [script, settings, String(threads), dtype], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const gone = new Promise<null>((resolve) => {
    process.on('error', () => resolve(null))
    process.on('exit', () => resolve(null))
  })
  process.stdin?.on('error', () => {})
  if (!process.stdout) return null
  const lines = createInterface({ input: process.stdout })
  const ask = async (): Promise<number | null> => {
    const line = once(lines, 'line').then(([text]) => (JSON.parse(String(text)) as { ms: number }).ms)
    process.stdin?.write('step\n')
    return Promise.race([line, gone])
  }
  // the first step warms up, and tells whether there is PyTorch at all
  if ((await ask()) === null) return null
  return { step: async () => (await ask()) ?? Number.NaN, close: () => process.stdin?.end() }
}

const layout = createLayout(config, lora)
const trainer = await createOnnxEngine().openTrainer({
  model: createRandomModel(config, 1),
  trainable: { kind: 'lora', layout, factors: ['A', 'B'] },
  optimizer: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, clipNorm: 0 },
  threads,
  seed: 1,
})
trainer.setParameters(initialAdapter(layout).values)
const ours: Peer = {
  async step() {
    const start = performance.now()
    await trainer.step([batch], 1e-3)
    return performance.now() - start
  },
  close: () => {},
}
const peers = new Map<string, Peer | null>([
  ['covey fp32', ours],
  ['torch fp32', await torchPeer('fp32')],
  ['torch bf16', await torchPeer('bf16')],
])
await ours.step()
const times = new Map<string, number[]>([...peers.keys()].map((name) => [name, []]))
for (let i = 0; i < Number(args.steps); i++) {
  for (const [name, peer] of peers) if (peer) times.get(name)?.push(await peer.step())
}
const median = (values: number[]): number | null => values.sort((a, b) => a - b)[values.length >> 1] ?? null
const result = [...times].map(([name, list]) => {
  const ms = median(list)
  return { name, ms, tokensPerSecond: ms === null ? null : (1000 * n) / ms, steps: list.length }
})
const own = result[0]?.ms ?? Number.NaN
const peakRssMb = Math.round(process.resourceUsage().maxRSS / 1024)
if (args.json) {
  console.log(
    JSON.stringify({
      shape: 'SmolLM2-135M',
      layers: config.layers,
      rows,
      length,
      rank: lora.rank,
      threads,
      peakRssMb,
      result,
    }),
  )
} else {
  console.log(
    `LoRA r=${lora.rank} on all seven layers, ${config.layers} blocks, ${rows} x ${length} tokens, ${threads} threads`,
  )
  for (const { name, ms, tokensPerSecond } of result) {
    const figures =
      ms === null
        ? 'null (python3 has no torch)'
        : `${ms.toFixed(0)} ms  ${tokensPerSecond?.toFixed(0)} tokens/s  ${(ms / own).toFixed(2)} x ours`
    console.log(`${name.padEnd(12)}${figures}`)
  }
  console.log(`peak memory of this process: ${peakRssMb} MB`)
}
for (const peer of peers.values()) peer?.close()
await trainer.close()
