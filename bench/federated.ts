/**
 * Rounds without a network: how well does each way of averaging LoRA factors learn, on real data dealt by whole partitions?
 * Same duties as a real round (train, encode, score nothing, aggregate), one process.
 *
 *   node bench/federated.ts --data train.jsonl --test test.jsonl --prompt 'Utterance: {text}\nIntent:' \
 *     --completion ' {intent}' --partition-by domain --rule frozen-a --rounds 20 [--pooled STEPS] [--json]
 */
import { parseArgs } from 'node:util'
import { makeShards } from '../cli/cmds/quickstart/shards.ts'
import { quickstartSpec } from '../cli/cmds/quickstart/spec.ts'
import { learningRateAt } from '../node/schedule.ts'
import { trainLoop } from '../node/train-loop.ts'
import { optimizerOf } from '../node/workbench.ts'
import { decodeDelta, encodeDelta } from '../src/adapter/delta.ts'
import { createLayout, initialAdapter } from '../src/adapter/layout.ts'
import { nextGlobal } from '../src/aggregate/outer-step.ts'
import { aggregatorFor } from '../src/aggregate/registry.ts'
import { systemClock } from '../src/base/clock.ts'
import { seededRandom, shuffle } from '../src/base/random.ts'
import { createBatcher, packForEvaluation } from '../src/data/batches.ts'
import { tokenizeExamples } from '../src/data/tokenize.ts'
import { loadTokenizer } from '../src/data/tokenizer.ts'
import { createOnnxEngine } from '../src/engine/onnx/engine.ts'
import { loadModel } from '../src/model/folder/load.ts'
import type { OptimizerState } from '../src/types/engine.ts'
import { benchOptions, quickstartOptionsFrom } from './quickstart-options.ts'

const { values: a } = parseArgs({
  options: { ...benchOptions, pooled: { type: 'string' }, 'eval-every': { type: 'string', default: '4' } },
})
const options = quickstartOptionsFrom(a)
const n = (name: keyof typeof a): number => Number(a[name])
const model = await loadModel(options.model)
const tokenizer = await loadTokenizer(options.model)
const shards = await makeShards(options, tokenizer)
const { training, adapter, aggregation, encoding } = quickstartSpec(options, model, shards.templates)
const aggregator = aggregatorFor(aggregation.rule)
const layout = createLayout(model.config, adapter)
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
const trainers = new Map<string, Awaited<ReturnType<typeof engine.openTrainer>>>()
const trainerFor = async (factors: ReturnType<typeof aggregator.trainedFactors>) => {
  const key = factors.join('')
  const open =
    trainers.get(key) ??
    (await engine.openTrainer({
      model,
      trainable: { kind: 'lora', layout, factors },
      optimizer: optimizerOf(training),
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
  // as a node does: AdamW's moments of the same factors' last training are kept
  const moments = new Map<string, OptimizerState>()
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
      const key = `${node} ${factors.join('')}`
      const kept = moments.get(key)
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
      moments.set(key, trainer.optimizerState())
      const after = trainer.parameters()
      const delta = after.map((x, i) => x - (global[i] as number))
      deltas.push(
        decodeDelta(encodeDelta({ layout, factors, values: delta }, encoding), layout, { encoding, factors }).values,
      )
    }
    const next = nextGlobal({
      aggregator,
      outer: aggregation,
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
  process.stdout.write(
    `${JSON.stringify({ args, rule: aggregation.rule, points, seconds: (performance.now() - start) / 1000 })}\n`,
  )
for (const t of trainers.values()) await t.close()
await inference.close()
