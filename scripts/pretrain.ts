/**
 * Pre-trains the base model that Covey ships, from random weights, in full-parameter mode.
 *
 *   npm run pretrain -- --minutes 75 [--corpus runs/corpus] [--out models/covey-nano] [--run runs/pretrain] [--threads 2]
 *
 * The tokenizer (scripts/train-tokenizer.ts) and the corpus (scripts/corpus.ts) come first. A run that was stopped goes on
 * from its last checkpoint; `--minutes` counts the time of all its parts. The model folder is written anew at each
 * checkpoint, each file whole or not at all.
 */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { bytesOf, utf8 } from '../src/base/bytes.ts'
import { CoveyError } from '../src/base/errors.ts'
import { writeFileAtomic } from '../src/base/files.ts'
import { encodeSafetensors, parseSafetensors, toFloat32 } from '../src/base/safetensors.ts'
import { createOnnxEngine } from '../src/engine/onnx/engine.ts'
import { writeModel } from '../src/model/folder/write.ts'
import { modelFromFlat } from '../src/model/memory.ts'
import { createRandomModel } from '../src/model/random.ts'
import type { OptimizerConfig } from '../src/types/engine.ts'
import type { ModelConfig } from '../src/types/model.ts'
import { type CorpusReport, type CurvePoint, lossSvg, modelCard, type TrainingPart } from './model-card.ts'
import { openCorpus } from './pretrain-data.ts'

const { values: args } = parseArgs({
  options: {
    minutes: { type: 'string', default: '75' },
    corpus: { type: 'string', default: 'runs/corpus' },
    out: { type: 'string', default: 'models/covey-nano' },
    run: { type: 'string', default: 'runs/pretrain' },
    threads: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    rate: { type: 'string', default: '2e-3' },
    layers: { type: 'string', default: '4' },
  },
})
const number = (name: 'minutes' | 'threads' | 'seed' | 'rate' | 'layers'): number => {
  const value = Number(args[name])
  if (!Number.isFinite(value) || value < 0)
    throw new CoveyError('E_ARGUMENT', `--${name}: expected a number, got ${args[name]}`)
  return value
}
const budget_s = number('minutes') * 60
const peakRate = number('rate')
const seed = number('seed')

interface Report extends CorpusReport {
  readonly eosId: number
  readonly vocabSize: number
}
const report = JSON.parse(readFileSync(`${args.corpus}.json`, 'utf8')) as Report
/** a step's tokens / 512: small steps, because few tokens are affordable and more updates learn more from them */
const BLOCKS_PER_STEP = 4
const WARMUP_STEPS = 150
/** warm-up, stable, decay (Hu et al. 2024, arXiv:2404.06395): the last part of the time budget lowers the rate to 0 */
const DECAY_SHARE = 0.35
const CHECKPOINT_S = 180
/** weights are written for use from here on */
const FIRST_EXPORT_S = 480
const REPORT_STEPS = 20

const config: ModelConfig = {
  architecture: 'LlamaForCausalLM',
  vocabSize: report.vocabSize,
  hiddenSize: 256,
  layers: number('layers'),
  heads: 4,
  kvHeads: 2,
  headDim: 64,
  ffnSize: 768,
  normEpsilon: 1e-5,
  ropeTheta: 10_000,
  maxPositions: 1024,
  tiedEmbeddings: true,
  bosId: null,
  eosIds: [report.eosId],
  padId: null,
}
const optimizer: OptimizerConfig = { beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1 }

const corpus = openCorpus(`${args.corpus}.u16`, report.eosId, BLOCKS_PER_STEP, seed)
const model = createRandomModel(config, seed)
const engine = createOnnxEngine()
const threads = number('threads')
const trainer = await engine.openTrainer({ model, trainable: { kind: 'full' }, optimizer, threads, seed })

let step = 0
let spent_s = 0
let curve: CurvePoint[] = []
let parts: TrainingPart[] = []
const checkpointFile = path.join(args.run, 'checkpoint.safetensors')
if (existsSync(checkpointFile)) {
  const { header, bytes } = parseSafetensors(readFileSync(checkpointFile))
  const vector = (name: string): Float32Array => toFloat32('F32', bytes(name) ?? new Uint8Array())
  trainer.setParameters(vector('theta'))
  step = Number(header.metadata.step)
  spent_s = Number(header.metadata.seconds)
  curve = JSON.parse(header.metadata.curve ?? '[]') as CurvePoint[]
  parts = JSON.parse(header.metadata.parts ?? '[]') as TrainingPart[]
  trainer.restoreOptimizer({ step, m: vector('m'), v: vector('v') })
  console.log(`goes on from step ${step}, ${(spent_s / 60).toFixed(1)} minutes`)
}
const newest = parts.at(-1)
if (newest?.corpusTokens !== corpus.tokens || newest.minutes !== number('minutes'))
  parts.push({ step, corpusTokens: corpus.tokens, minutes: number('minutes') })
console.log(`${trainer.size} parameters, ${corpus.tokens} tokens, ${corpus.batchTokens} tokens a step`)

async function checkpoint(trainLoss: number): Promise<void> {
  const theta = trainer.parameters()
  const inference = await engine.openInference({ model: modelFromFlat(config, theta), layout: null, threads })
  const { loss: heldOut } = await inference.evaluate(corpus.heldOut)
  await inference.close()
  curve.push({ step, tokens: step * corpus.batchTokens, seconds: Math.round(spent_s), train: trainLoss, heldOut })
  const { m, v } = trainer.optimizerState()
  const tensors = Object.entries({ theta, m, v }).map(([name, x]) => ({
    name,
    dtype: 'F32' as const,
    shape: [x.length],
    bytes: bytesOf(x),
  }))
  const metadata = {
    step: String(step),
    seconds: String(spent_s),
    curve: JSON.stringify(curve),
    parts: JSON.stringify(parts),
  }
  await writeFileAtomic(checkpointFile, [encodeSafetensors(tensors, metadata)])
  console.log(`step ${step} held-out ${heldOut.toFixed(4)} after ${(spent_s / 60).toFixed(1)} minutes`)
  if (spent_s < FIRST_EXPORT_S && spent_s < budget_s) return
  await exportModel(theta)
}

async function exportModel(theta: Float32Array): Promise<void> {
  const write = (name: string, text: string): Promise<void> =>
    writeFileAtomic(path.join(args.out, name), [utf8.encode(text)])
  const recipe = {
    optimizer: `AdamW, β ${optimizer.beta1} and ${optimizer.beta2}, weight decay ${optimizer.weightDecay}, gradient norm clipped to ${optimizer.clipNorm}`,
    'learning rate': `${peakRate}: ${WARMUP_STEPS} steps of warm-up, stable, then linear to 0 over the last ${100 * DECAY_SHARE} % of the time`,
    'tokens a step': corpus.batchTokens,
  }
  await write('README.md', modelCard({ config, parameters: trainer.size, corpus: report, curve, parts, recipe }))
  await write('loss.svg', lossSvg(curve))
  const generation = {
    bos_token_id: config.bosId,
    eos_token_id: config.eosIds,
    pad_token_id: config.padId,
    do_sample: false,
  }
  await write('generation_config.json', `${JSON.stringify(generation, null, 2)}\n`)
  let at = 0
  const tensors = new Map(
    model.tensorNames.map((name) => {
      const size = model.shape(name).reduce((n, d) => n * d, 1)
      at += size
      return [name, theta.subarray(at - size, at)]
    }),
  )
  await writeModel(args.out, config, (name) => tensors.get(name) ?? new Float32Array(), 'BF16')
}

let stop = false
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    stop = true
  })
let last = performance.now()
let lastCheckpoint_s = spent_s
let sum = 0
let count = 0
let sinceReport = 0
let reportStart_s = spent_s
let reported = 0
while (!stop && spent_s < budget_s) {
  const decay = Math.min(1, (budget_s - spent_s) / (DECAY_SHARE * budget_s))
  const rate = peakRate * Math.min(1, (step + 1) / WARMUP_STEPS) * decay
  const { loss } = await trainer.step([corpus.batch(step)], rate)
  step++
  sum += loss
  count++
  reported += loss
  const now = performance.now()
  spent_s += (now - last) / 1000
  last = now
  if (++sinceReport === REPORT_STEPS) {
    const speed = (REPORT_STEPS * corpus.batchTokens) / (spent_s - reportStart_s)
    console.log(
      `step ${step} loss ${(reported / REPORT_STEPS).toFixed(4)} rate ${rate.toExponential(2)} ${speed.toFixed(0)} tokens/s ${((budget_s - spent_s) / 60).toFixed(1)} minutes left`,
    )
    sinceReport = 0
    reported = 0
    reportStart_s = spent_s
  }
  if (spent_s - lastCheckpoint_s >= CHECKPOINT_S) {
    await checkpoint(sum / count)
    sum = 0
    count = 0
    lastCheckpoint_s = spent_s
    last = performance.now()
    reportStart_s = spent_s
  }
}
if (count > 0) await checkpoint(sum / count)
else await exportModel(trainer.parameters())
await trainer.close()
