/**
 * One LoRA step on the shape of a known model (random weights): ours beside PyTorch's and TensorFlow.js's, each a process of
 * its own, step by step in turn. Medians, ratios to ours, peak memory.
 *
 *   node bench/train.ts [--shape SmolLM2-135M] [--steps 7] [--threads 2] [--rows 4] [--length 128] [--peers …] [--json]
 *
 * PyTorch (Debian: python3-torch) is optional: what is not installed is null.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { SHAPES, type ShapeName, type StepWork } from './shapes.ts'

interface PeerSpec {
  /** programs to try, in order */
  readonly programs: readonly string[]
  readonly script: string
  readonly mode: string
}

const NODE = [process.execPath]
/** Debian's python3-torch belongs to the system's Python, which another `python3` may hide. */
const PYTHON = ['python3', '/usr/bin/python3']
const PEERS = {
  coveyInt8: { programs: NODE, script: 'covey-lora-step.ts', mode: 'int8' },
  coveyFp32: { programs: NODE, script: 'covey-lora-step.ts', mode: 'fp32' },
  torchBf16: { programs: PYTHON, script: 'torch-lora-step.py', mode: 'bf16' },
  torchFp32: { programs: PYTHON, script: 'torch-lora-step.py', mode: 'fp32' },
  tfjsWasm: { programs: NODE, script: 'tfjs-lora-step.ts', mode: 'wasm' },
} as const satisfies Record<string, PeerSpec>
type PeerName = keyof typeof PEERS
const OURS = ['coveyInt8', 'coveyFp32'] as const satisfies readonly PeerName[]

const { values: args } = parseArgs({
  options: {
    shape: { type: 'string', default: 'SmolLM2-135M' },
    steps: { type: 'string', default: '7' },
    threads: { type: 'string', default: '2' },
    rows: { type: 'string', default: '4' },
    length: { type: 'string', default: '128' },
    layers: { type: 'string' },
    peers: { type: 'string', default: Object.keys(PEERS).join(',') },
    json: { type: 'boolean', default: false },
  },
})
const shape = SHAPES[args.shape as ShapeName]
if (shape === undefined) throw new Error(`--shape: expected one of ${Object.keys(SHAPES).join(', ')}`)
const work: StepWork = {
  ...shape,
  ...(args.layers === undefined ? {} : { layers: Number(args.layers) }),
  rows: Number(args.rows),
  length: Number(args.length),
  rank: 8,
  alpha: 16,
}

interface Step {
  readonly ms: number
  readonly loss: number
  readonly rssMb: number
  readonly openMs?: number
}

interface Peer {
  step(): Promise<Step>
  close(): void
}

/** null when none of its programs can do a step. */
async function open(name: PeerName): Promise<Peer | null> {
  const { programs, script, mode }: PeerSpec = PEERS[name]
  for (const program of programs) {
    const peer = await openWith(program, script, mode)
    if (peer !== null) return peer
  }
  return null
}

async function openWith(program: string, script: string, mode: string): Promise<Peer | null> {
  const path = fileURLToPath(new URL(`peers/${script}`, import.meta.url))
  const child: ChildProcess = spawn(program, [path, JSON.stringify(work), args.threads, mode], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const gone = new Promise<null>((resolve) => {
    child.on('error', () => resolve(null))
    child.on('exit', () => resolve(null))
  })
  child.stdin?.on('error', () => {})
  if (!child.stdout) return null
  const lines = createInterface({ input: child.stdout })
  const ask = async (): Promise<Step | null> => {
    const line = once(lines, 'line').then(([text]) => JSON.parse(String(text)) as Step)
    child.stdin?.write('step\n')
    return Promise.race([line, gone])
  }
  // the first step warms up, and tells whether the peer is there at all
  if ((await ask()) === null) return null
  const step = async (): Promise<Step> => {
    const answer = await ask()
    if (answer === null) throw new Error(`${script} ${mode} ended in the middle`)
    return answer
  }
  return { step, close: () => child.stdin?.end() }
}

const names = args.peers.split(',') as PeerName[]
const peers = new Map<PeerName, Peer | null>()
for (const name of names) peers.set(name, await open(name))
const steps = new Map<PeerName, Step[]>(names.map((name) => [name, []]))
for (let i = 0; i < Number(args.steps); i++)
  for (const [name, peer] of peers) if (peer) steps.get(name)?.push(await peer.step())
for (const peer of peers.values()) peer?.close()

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] as number
const rows = names.map((name) => {
  const list = steps.get(name) ?? []
  const last = list.at(-1)
  if (last === undefined) return { name, ms: null, tokensPerSecond: null, rssMb: null, openMs: null, steps: 0 }
  const ms = median(list.map((s) => s.ms))
  return {
    name,
    ms,
    tokensPerSecond: (1000 * work.rows * work.length) / ms,
    rssMb: last.rssMb,
    openMs: last.openMs ?? null,
    steps: list.length,
  }
})
const own = rows.filter((r) => OURS.some((o) => o === r.name) && r.ms !== null)
const best = own.toSorted((a, b) => (a.ms ?? 0) - (b.ms ?? 0))[0]
/** how many times as long a peer takes as the better of ours */
const ratio = (name: PeerName): number | null => {
  const ms = rows.find((r) => r.name === name)?.ms
  return ms && best?.ms ? ms / best.ms : null
}
const torch = rows.find((r) => r.name === 'torchBf16')
const result = {
  shape: args.shape,
  layers: work.layers,
  batch: [work.rows, work.length],
  rank: work.rank,
  threads: Number(args.threads),
  best: best?.name ?? null,
  ratios: { torchBf16: ratio('torchBf16'), torchFp32: ratio('torchFp32'), tfjsWasm: ratio('tfjsWasm') },
  rssRatioTorchBf16: best?.rssMb && torch?.rssMb ? best.rssMb / torch.rssMb : null,
}
if (args.json) console.log(JSON.stringify({ ...result, rows }))
else {
  console.log(
    `LoRA r=${work.rank} on all seven layers of ${args.shape} (${work.layers} blocks), ${work.rows} x ${work.length} tokens, ${args.threads} threads`,
  )
  for (const { name, ms, tokensPerSecond, rssMb, openMs } of rows) {
    const figures =
      ms === null
        ? 'null (not installed)'
        : [
            `${ms.toFixed(0).padStart(6)} ms`,
            `${tokensPerSecond?.toFixed(0).padStart(6)} tokens/s`,
            `${(ms / (best?.ms ?? Number.NaN)).toFixed(2).padStart(6)} x ours`,
            `${rssMb?.toFixed(0).padStart(6)} MB`,
            openMs === null ? '' : `opened in ${(openMs / 1000).toFixed(1)} s`,
          ].join('  ')
    console.log(`${name.padEnd(10)} ${figures}`)
  }
  if (result.rssRatioTorchBf16 !== null)
    console.log(`peak memory: ${result.rssRatioTorchBf16.toFixed(2)} x PyTorch's in bf16`)
}
