/**
 * The loss over a training with products in 8 bits beside the same one in float32: same start, same batches, same data, on a
 * trained base. Prints both, and writes the figures and their picture.
 *
 *   node bench/curve.ts [--steps 300] [--model DIR] [--data FILE --test FILE --prompt … --completion …] [--json]
 *                       [--factors A,B | B] [--write NAME]   docs/results/curves/NAME.json and docs/NAME.svg
 */
import { parseArgs } from 'node:util'
import { makeShards } from '../cli/cmds/quickstart/shards.ts'
import { quickstartSpec } from '../cli/cmds/quickstart/spec.ts'
import { lineChart } from '../cli/line-chart.ts'
import { learningRateAt } from '../node/schedule.ts'
import { trainLoop } from '../node/train-loop.ts'
import { optimizerOf } from '../node/workbench.ts'
import { createLayout, initialAdapter } from '../src/adapter/layout.ts'
import { systemClock } from '../src/base/clock.ts'
import { createBatcher, packForEvaluation } from '../src/data/batches.ts'
import { tokenizeExamples } from '../src/data/tokenize.ts'
import { loadTokenizer } from '../src/data/tokenizer.ts'
import { createOnnxEngine } from '../src/engine/onnx/engine.ts'
import { loadModel } from '../src/model/folder/load.ts'
import type { LoraFactor } from '../src/types/adapter.ts'
import type { Precision } from '../src/types/engine.ts'
import { benchOptions, quickstartOptionsFrom } from './quickstart-options.ts'
import { askedFor, writePicture, writeResult } from './results-file.ts'

const { values: a } = parseArgs({
  options: {
    ...benchOptions,
    steps: { type: 'string', default: '300' },
    write: { type: 'string' },
    factors: { type: 'string', default: 'A,B' },
  },
})
const options = quickstartOptionsFrom(a)
const steps = Number(a.steps)
const [model, tokenizer] = await Promise.all([loadModel(options.model), loadTokenizer(options.model)])
const shards = await makeShards(options, tokenizer)
const { training, adapter } = quickstartSpec(options, model, shards.templates)
const layout = createLayout(model.config, adapter)
const tokens = (examples: (typeof shards)['test']) =>
  tokenizeExamples(examples, tokenizer, training.maxTokens).tokenized
const data = tokens(shards.nodes.flatMap((s) => s.examples))
const factors = a.factors.split(',') as LoraFactor[]
const engine = createOnnxEngine()
const threads = Number(a.threads)

async function train(precision: Precision): Promise<{ losses: number[]; values: Float32Array; seconds: number }> {
  const trainer = await engine.openTrainer({
    model,
    trainable: { kind: 'lora', layout, factors },
    optimizer: optimizerOf(training),
    threads,
    seed: 1,
    precision,
  })
  trainer.setParameters(initialAdapter(layout).values)
  const { batchExamples, maxTokens } = training
  const batcher = createBatcher(data, { batchExamples, maxTokens, seed: options.seed })
  const losses: number[] = []
  const began = performance.now()
  for await (const p of trainLoop({
    trainer,
    nextBatch: () => batcher.next(),
    steps,
    learningRate: (step) => learningRateAt(training, step, step, steps),
    clock: systemClock,
  })) {
    losses.push(p.loss)
    if (p.step % 25 === 0) process.stderr.write(`${precision} step ${p.step}/${steps} loss ${p.loss.toFixed(3)}\n`)
  }
  const values = trainer.parameters()
  await trainer.close()
  return { losses, values, seconds: (performance.now() - began) / 1000 }
}

/** Measured in float32 in both cases: what differs is the training. */
async function measure(values: Float32Array) {
  const inference = await engine.openInference({ model, layout, threads })
  inference.setAdapter(values)
  const { loss, exactMatch, examples } = await inference.evaluate(
    packForEvaluation(tokens(shards.test), training.maxTokens),
  )
  await inference.close()
  return { loss, exactMatch, examples }
}

const runs = new Map<Precision, Awaited<ReturnType<typeof train>> & { test: Awaited<ReturnType<typeof measure>> }>()
for (const precision of ['fp32', 'int8'] as const) {
  const run = await train(precision)
  runs.set(precision, { ...run, test: await measure(run.values) })
}
const result = {
  args: askedFor(),
  steps,
  runs: [...runs].map(([precision, { losses, seconds, test }]) => ({ precision, seconds, test, losses })),
}
writeResult('curves', a.write, result)
if (a.write !== undefined) {
  const series = result.runs.map(({ precision, losses }) => ({ name: precision, values: losses }))
  writePicture(a.write, lineChart({ title: 'training loss, nats', xLabel: 'step', series }))
}
if (a.json) console.log(JSON.stringify(result))
else {
  for (const { precision, seconds, test } of result.runs)
    console.log(
      `${precision}: test loss ${test.loss.toFixed(4)}, exact match ${(100 * test.exactMatch).toFixed(1)} % of ${test.examples}, ${seconds.toFixed(0)} s`,
    )
}
