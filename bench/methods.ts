/**
 * Every method on the same base, data, batches and number of steps, each with its own learning rate (that of `covey train
 * --method`): exact match and loss on held-out examples, what is trained, bytes, seconds.
 *
 *   node bench/methods.ts [--steps 150] [--methods lora,dora] [--rates dora=1e-3,ia3=0.1] [--model DIR]
 *                         [--data FILE --test FILE --prompt … --completion …] [--json]
 *                         [--write NAME]   docs/results/methods/NAME.json; runs of the same data and steps there are
 *                                          replaced method by method
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { makeShards } from '../cli/cmds/quickstart/shards.ts'
import { quickstartSpec } from '../cli/cmds/quickstart/spec.ts'
import { METHOD_OPTIONS, type MethodOption, methodNamed } from '../cli/cmds/train/method.ts'
import { trainOptions } from '../cli/cmds/train/options.ts'
import { trainAlone } from '../node/train-alone.ts'
import { encodeAdapter } from '../src/adapter/delta.ts'
import { methodLayout, untrainedAdapter } from '../src/adapter/methods.ts'
import { systemClock } from '../src/base/clock.ts'
import { CoveyError } from '../src/base/errors.ts'
import { packForEvaluation } from '../src/data/batches.ts'
import { tokenizeExamples } from '../src/data/tokenize.ts'
import { loadTokenizer } from '../src/data/tokenizer.ts'
import { createOnnxEngine } from '../src/engine/onnx/engine.ts'
import { loadModel } from '../src/model/folder/load.ts'
import type { AdapterEntry, AdapterLayout, LoraEntry } from '../src/types/adapter.ts'
import { benchOptions, quickstartOptionsFrom } from './quickstart-options.ts'
import { askedFor, readResult, writeResult } from './results-file.ts'

const { values: a } = parseArgs({
  options: {
    ...benchOptions,
    steps: { type: 'string', default: '150' },
    methods: { type: 'string', default: METHOD_OPTIONS.join(',') },
    rates: { type: 'string', default: '' },
    write: { type: 'string' },
  },
})
const options = quickstartOptionsFrom(a)
const steps = Number(a.steps)
const threads = Number(a.threads)
const names = a.methods.split(',').map((name): MethodOption => {
  const known = METHOD_OPTIONS.find((m) => m === name)
  if (known) return known
  throw new CoveyError('E_ARGUMENT', `--methods: expected some of ${METHOD_OPTIONS.join(', ')}, got ${name}`)
})
const rates = new Map(a.rates.split(',').map((pair) => pair.split('=') as [string, string]))

const [model, tokenizer] = await Promise.all([loadModel(options.model), loadTokenizer(options.model)])
const shards = await makeShards(options, tokenizer)
const { training } = quickstartSpec(options, model, shards.templates)
const tokens = (examples: (typeof shards)['test']) =>
  tokenizeExamples(examples, tokenizer, training.maxTokens).tokenized
const data = tokens(shards.nodes.flatMap((s) => s.examples))
const test = tokens(shards.test).slice(0, options.evalExamples)
const engine = createOnnxEngine()

/** What `covey train` has unless told otherwise, with the rank of the bench's own options. */
const settings = {
  rank: options.rank,
  alpha: options.alpha,
  rsLora: false,
  dropout: 0,
  target: [],
  frozenA: false,
  width: trainOptions.width.fallback,
  virtualTokens: trainOptions.virtualTokens.fallback,
  // half of the feed-forward's last matrices: what a choice of layers is good for
  module: ['down_proj'],
  layer: Array.from({ length: Math.ceil(model.config.layers / 2) }, (_, i) => model.config.layers - 1 - i),
  seed: options.seed,
}

async function measure(layout: AdapterLayout | null, values: Float32Array | null) {
  const inference = await engine.openInference({ model, layout, threads })
  inference.setAdapter(values)
  const { loss, exactMatch } = await inference.evaluate(packForEvaluation(test, training.maxTokens))
  await inference.close()
  return { loss, exactMatch }
}

async function run(name: MethodOption) {
  const method = methodNamed(name)
  const learningRate = Number(rates.get(name) ?? method.learningRate)
  const { settings: chosen, factors, precision } = method.choose(settings, model.config)
  const start = untrainedAdapter(model, methodLayout(model, chosen))
  const { layout } = start
  const plan = { ...training, steps, learningRate, warmupSteps: 10, schedule: 'cosine' as const }
  const progress = trainAlone({
    engine,
    model,
    layout,
    factors,
    precision: precision ?? 'fp32',
    start: start.values,
    training: plan,
    examples: data,
    steps,
    threads,
    seed: options.seed,
    clock: systemClock,
  })
  let next = await progress.next()
  for (; !next.done; next = await progress.next())
    if (next.value.step % 25 === 0)
      process.stderr.write(`${name} step ${next.value.step}/${steps} loss ${next.value.loss.toFixed(3)}\n`)
  const { values, seconds, loss: trainLoss } = next.value
  const trained = layout.entries
    .filter((e: AdapterEntry | LoraEntry) => !('factor' in e) || factors.includes(e.factor))
    .reduce((n, e) => n + e.shape.reduce((m, d) => m * d, 1), 0)
  const bytes = encodeAdapter({ layout, values }).byteLength
  return { name, learningRate, trained, bytes, seconds, trainLoss, test: await measure(layout, values) }
}

const result = {
  args: askedFor(),
  machine: `${threads} of ${cpus().length} cores of ${cpus()[0]?.model.trim() ?? 'an unknown processor'}`,
  model: model.name,
  weights: model.tensorNames.reduce((n, t) => n + model.shape(t).reduce((m, d) => m * d, 1), 0),
  steps,
  batch: training.batchExamples,
  examples: test.length,
  base: await measure(null, null),
  runs: [] as Awaited<ReturnType<typeof run>>[],
}
for (const name of names) result.runs.push(await run(name))

/** `old` with the runs of `made` in place of its own of the same methods; `made` alone when it was told something else. */
function merged(old: typeof result, made: typeof result): typeof result {
  const told = ({ model, weights, steps, batch, examples, base, machine }: typeof result) =>
    JSON.stringify({ model, weights, steps, batch, examples, base, machine })
  if (told(old) !== told(made)) return made
  const anew = new Map(made.runs.map((r) => [r.name, r]))
  const kept = old.runs.map((r) => anew.get(r.name) ?? r)
  return { ...old, runs: [...kept, ...made.runs.filter((r) => !old.runs.some((o) => o.name === r.name))] }
}

if (a.write !== undefined) {
  const before = readResult<typeof result>('methods', a.write)
  writeResult('methods', a.write, before === null ? result : merged(before, result))
}
if (a.json) console.log(JSON.stringify(result))
else {
  const percent = (x: number): string => `${(100 * x).toFixed(1)} %`
  console.log(`base: exact match ${percent(result.base.exactMatch)}, loss ${result.base.loss.toFixed(3)}`)
  console.log(
    'method'.padEnd(10),
    'rate'.padStart(8),
    'trained'.padStart(10),
    'bytes'.padStart(10),
    'exact'.padStart(8),
    'loss'.padStart(8),
    'train s'.padStart(8),
  )
  for (const r of result.runs)
    console.log(
      r.name.padEnd(10),
      String(r.learningRate).padStart(8),
      String(r.trained).padStart(10),
      String(r.bytes).padStart(10),
      percent(r.test.exactMatch).padStart(8),
      r.test.loss.toFixed(3).padStart(8),
      r.seconds.toFixed(1).padStart(8),
    )
}
