/**
 * Rounds without a network: how well does each way of averaging LoRA factors learn, on real data dealt by whole partitions?
 * Same duties as a real round (train, encode, score nothing, aggregate), one process.
 *
 *   node bench/federated.ts --data train.jsonl --test test.jsonl --prompt 'Utterance: {text}\nIntent:' \
 *     --completion ' {intent}' --partition-by domain --rule frozen-a --rounds 20 [--pooled STEPS] [--json]
 */
import { parseArgs } from 'node:util'
import { makeShards } from '../cli/cmds/quickstart/shards.ts'
import { learningRateAt } from '../node/schedule.ts'
import { trainLoop } from '../node/train-loop.ts'
import { decodeDelta, encodeDelta } from '../src/adapter/delta.ts'
import { createLayout, initialAdapter } from '../src/adapter/layout.ts'
import { nextGlobal } from '../src/aggregate/outer-step.ts'
import { aggregatorFor } from '../src/aggregate/registry.ts'
import { systemClock } from '../src/base/clock.ts'
import { seededRandom, shuffle } from '../src/base/random.ts'
import { createBatcher, packForEvaluation } from '../src/data/batches.ts'
import { tokenizeExamples } from '../src/data/tokenize.ts'
import { loadTokenizer } from '../src/data/tokenizer.ts'
import { createOnnxEngine } from '../src/engine/onnx-engine.ts'
import { loadModel } from '../src/model/load.ts'
import type { OptimizerState } from '../src/types/engine.ts'
import { LINEAR_TARGETS } from '../src/types/model.ts'
import type { AggregationRule, TrainingSpec } from '../src/types/spec.ts'

const { values: a } = parseArgs({
  options: {
    model: { type: 'string', default: 'models/covey-nano' },
    data: { type: 'string' },
    test: { type: 'string' },
    prompt: { type: 'string' },
    completion: { type: 'string' },
    'partition-by': { type: 'string', default: 'domain' },
    nodes: { type: 'string', default: '6' },
    proposers: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '20' },
    steps: { type: 'string', default: '15' },
    batch: { type: 'string', default: '32' },
    rank: { type: 'string', default: '16' },
    alpha: { type: 'string', default: '32' },
    lr: { type: 'string', default: '1e-2' },
    warmup: { type: 'string', default: '3' },
    schedule: { type: 'string', default: 'cosine' },
    rule: { type: 'string', default: 'frozen-a' },
    encoding: { type: 'string', default: 'int8' },
    outer: { type: 'string', default: '1' },
    momentum: { type: 'string', default: '0' },
    'keep-state': { type: 'boolean', default: false },
    pooled: { type: 'string' },
    threads: { type: 'string', default: '1' },
    'max-tokens': { type: 'string', default: '128' },
    'eval-every': { type: 'string', default: '5' },
    'eval-examples': { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
const withLineEnds = (text: string | undefined): string | null => text?.replaceAll('\\n', '\n') ?? null
const n = (name: keyof typeof a): number => Number(a[name])

const model = await loadModel(a.model)
const tokenizer = await loadTokenizer(a.model)
const shards = await makeShards(
  {
    nodes: n('nodes'),
    rounds: n('rounds'),
    proposers: n('proposers'),
    voters: 2,
    steps: n('steps'),
    batch: n('batch'),
    rank: n('rank'),
    alpha: n('alpha'),
    learningRate: n('lr'),
    schedule: a.schedule as 'cosine',
    rule: a.rule as AggregationRule,
    encoding: 'int8',
    outerRate: n('outer'),
    outerMomentum: n('momentum'),
    sliceExamples: 64,
    evalExamples: n('eval-examples'),
    phaseSeconds: 60,
    model: a.model,
    dir: '',
    port: 0,
    seed: n('seed'),
    crash: 0,
    liar: 0,
    idle: 0,
    data: a.data ?? null,
    test: a.test ?? null,
    prompt: withLineEnds(a.prompt),
    completion: withLineEnds(a.completion),
    partitionBy: a['partition-by'],
    compare: false,
    keep: false,
    json: false,
  },
  tokenizer,
)
const rule = a.rule as AggregationRule
const aggregator = aggregatorFor(rule)
const layout = createLayout(model.config, {
  rank: n('rank'),
  alpha: n('alpha'),
  rsLora: false,
  dropout: 0,
  targets: [...LINEAR_TARGETS],
  seed: 7,
})
const training: TrainingSpec = {
  steps: n('steps'),
  batchExamples: n('batch'),
  maxTokens: n('max-tokens'),
  learningRate: n('lr'),
  warmupSteps: n('warmup'),
  schedule: a.schedule as 'cosine',
  weightDecay: 0,
  clipNorm: 1,
}
const engine = createOnnxEngine()
const tokens = (examples: (typeof shards)['test']) =>
  tokenizeExamples(examples, tokenizer, training.maxTokens).tokenized
const random = seededRandom(`bench ${a.seed}`)
const test = tokens(shuffle([...shards.test], random))
const inference = await engine.openInference({ model, layout, threads: n('threads') })
const log = (text: string): void => void process.stderr.write(`${text}\n`)
const measure = async (values: Float32Array | null, count: number) => {
  inference.setAdapter(values)
  return inference.evaluate(packForEvaluation(test.slice(0, count), training.maxTokens))
}
const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 }
const trainers = new Map<string, Awaited<ReturnType<typeof engine.openTrainer>>>()
const trainerFor = async (factors: ReturnType<typeof aggregator.trainedFactors>) => {
  const key = factors.join('')
  const open =
    trainers.get(key) ??
    (await engine.openTrainer({
      model,
      trainable: { kind: 'lora', layout, factors },
      optimizer,
      threads: n('threads'),
      seed: 1,
    }))
  trainers.set(key, open)
  return open
}
const start = performance.now()
const points: { round: number; loss: number; exactMatch: number; seconds: number }[] = []
const note = async (round: number, values: Float32Array, count: number) => {
  const { loss, exactMatch } = await measure(values, count)
  points.push({ round, loss, exactMatch, seconds: (performance.now() - start) / 1000 })
  log(
    `round ${round}: loss ${loss.toFixed(3)} exact ${(100 * exactMatch).toFixed(1)} % of ${Math.min(count, test.length)} at ${((performance.now() - start) / 1000).toFixed(0)} s`,
  )
}

let global = initialAdapter(layout).values
if (a.pooled !== undefined) {
  const steps = Number(a.pooled)
  const trainer = await trainerFor(aggregator.trainedFactors(1))
  trainer.setParameters(global)
  const batcher = createBatcher(tokens(shards.nodes.flatMap((s) => s.examples)), {
    batchExamples: training.batchExamples,
    maxTokens: training.maxTokens,
    seed: a.seed,
  })
  for await (const p of trainLoop({
    trainer,
    nextBatch: () => batcher.next(),
    steps,
    learningRate: (step) => learningRateAt(training, step, step, steps),
    clock: systemClock,
  })) {
    if (p.step % 25 === 0)
      log(`step ${p.step}/${steps} loss ${p.loss.toFixed(3)} ${p.tokensPerSecond.toFixed(0)} tokens/s`)
  }
  await note(0, trainer.parameters(), test.length)
} else {
  const data = shards.nodes.map((s) => tokens(s.examples))
  const states = new Map<number, OptimizerState>()
  let before: Float32Array | null = null
  for (let round = 1; round <= n('rounds'); round++) {
    const factors = aggregator.trainedFactors(round)
    const trainer = await trainerFor(factors)
    const seats = shuffle(
      data.map((_, i) => i),
      random,
    ).slice(0, n('proposers'))
    const deltas: Float32Array[] = []
    for (const node of seats) {
      trainer.setParameters(global)
      const kept = states.get(node)
      if (kept !== undefined) trainer.restoreOptimizer(kept)
      const batcher = createBatcher(data[node] ?? [], {
        batchExamples: training.batchExamples,
        maxTokens: training.maxTokens,
        seed: `${a.seed} ${node} ${round}`,
      })
      for await (const _ of trainLoop({
        trainer,
        nextBatch: () => batcher.next(),
        steps: training.steps,
        clock: systemClock,
        learningRate: (step) =>
          learningRateAt(training, step, (round - 1) * training.steps + step, n('rounds') * training.steps),
      }));
      if (a['keep-state']) states.set(node, trainer.optimizerState())
      const after = trainer.parameters()
      const delta = after.map((x, i) => x - (global[i] as number))
      const encoding = a.encoding as 'int8'
      deltas.push(
        decodeDelta(encodeDelta({ layout, factors, values: delta }, encoding), layout, { encoding, factors }).values,
      )
    }
    const next = nextGlobal({
      aggregator,
      outer: { outerRate: n('outer'), outerMomentum: n('momentum') },
      layout,
      base: global,
      before,
      deltas,
      weights: deltas.map(() => 1),
      round,
    })
    before = global
    global = next
    if (round % n('eval-every') === 0 || round === n('rounds'))
      await note(round, global, round === n('rounds') ? test.length : n('eval-examples'))
  }
}
const args = process.argv.slice(2).filter((arg) => arg !== '--json')
if (a.json)
  process.stdout.write(`${JSON.stringify({ args, rule, points, seconds: (performance.now() - start) / 1000 })}\n`)
for (const t of trainers.values()) await t.close()
await inference.close()
