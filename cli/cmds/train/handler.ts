import { join, resolve } from 'node:path'
import { trainAlone } from '../../../node/train-alone.ts'
import type { TrainProgress } from '../../../node/train-loop.ts'
import { adapterDigest } from '../../../src/adapter/delta.ts'
import { writeAdapter } from '../../../src/adapter/folder.ts'
import { virtualTokens } from '../../../src/adapter/method.ts'
import { methodLayout, untrainedAdapter } from '../../../src/adapter/methods.ts'
import { utf8 } from '../../../src/base/bytes.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import { writeFileAtomic } from '../../../src/base/files.ts'
import { exampleKey } from '../../../src/data/split.ts'
import { tokenizeExamples } from '../../../src/data/tokenize.ts'
import type { Adapter } from '../../../src/types/adapter.ts'
import type { Example } from '../../../src/types/data.ts'
import type { Handler } from '../../command.ts'
import { configOf, duration, engineOf, loadExamples, ORIGIN_FILE, openAdapter, openModel } from '../../common.ts'
import { measure } from '../../measure.ts'
import { METHOD_OPTIONS, METHODS, methodNamed } from './method.ts'
import type { trainOptions } from './options.ts'

export const trainHandler: Handler<typeof trainOptions> = async (options, [file = ''], command) => {
  const { output, signal } = command
  const { dir, model: folder, engine: name, device, precision, threads: cores, nice } = options
  const config = configOf({ dir, model: folder, engine: name, device, precision, threads: cores, nice }, command)
  const { model, tokenizer } = await openModel(config, signal)
  const threads = config.settings.threads ?? 0
  const method = methodNamed(options.method)
  const chosen = method.choose(options, model.config)
  const given = await openAdapter(options.adapter, model)
  const start = given?.adapter ?? untrainedAdapter(model, methodLayout(model, chosen.settings))
  const { layout } = start
  if (layout.method !== chosen.settings.method) {
    const same = METHOD_OPTIONS.filter(
      (name) => METHODS[name].choose(options, model.config).settings.method === layout.method,
    )
    const message = `--adapter ${options.adapter}: expected --method ${same.join(' or ')}, as it was trained, got ${options.method}`
    throw new CoveyError('E_CONFIG', message)
  }
  const context = model.config.maxPositions - virtualTokens(layout)
  if (options.maxTokens > context) {
    const message = `--max-tokens: expected at most ${context} (the model's context without virtual tokens), got ${options.maxTokens}`
    throw new CoveyError('E_CONFIG', message)
  }

  const test = options.test === null ? null : await loadExamples(options.test, options, tokenizer, signal)
  const read = await loadExamples(file, options, tokenizer, signal)
  // a question of the test set that is trained on would make the measurement worthless
  const held = new Set((test?.examples ?? []).map(exampleKey))
  const examples = read.examples.filter((e) => !held.has(exampleKey(e)))
  const { tokenized, tooLong, empty } = tokenizeExamples(examples, tokenizer, options.maxTokens, options)

  const training = {
    steps: options.steps,
    batchExamples: options.batch,
    maxTokens: options.maxTokens,
    learningRate: options.learningRate ?? method.learningRate,
    warmupSteps: Math.min(options.warmup, options.steps),
    schedule: options.schedule,
    weightDecay: options.weightDecay,
    clipNorm: options.clipNorm,
  }
  const left = read.badLines + tooLong + empty
  output.line(
    `${tokenized.length} examples, ${options.method} adapter of ${layout.size} values on ${model.name}${left > 0 ? `; ${left} records left out` : ''}`,
  )
  const testSet = (list: readonly Example[]) => tokenizeExamples(list, tokenizer, options.maxTokens).tokenized
  const engine = await engineOf(config)
  const before =
    test === null
      ? null
      : await measure(engine, model, given?.adapter ?? null, testSet(test.examples), options.maxTokens, threads, signal)

  const run = trainAlone({
    engine,
    model,
    layout,
    factors: chosen.factors,
    ...(chosen.precision !== undefined && { precision: chosen.precision }),
    start: start.values,
    training,
    examples: tokenized,
    steps: options.steps,
    threads,
    seed: options.seed,
    clock: systemClock,
    signal,
  })
  let next = await run.next()
  for (; !next.done; next = await run.next()) output.progress(progressLine(next.value))
  const summary = next.value

  const adapter: Adapter = { layout, values: summary.values }
  const out = resolve(options.out)
  await writeAdapter(out, adapter, model)
  const origin = {
    base: model.name,
    baseDigest: model.digest,
    adapterDigest: adapterDigest(adapter),
    method: options.method,
    steps: summary.steps,
  }
  await writeFileAtomic(join(out, ORIGIN_FILE), [utf8.encode(`${JSON.stringify(origin, null, 2)}\n`)])
  const after =
    test === null
      ? null
      : await measure(engine, model, adapter, testSet(test.examples), options.maxTokens, threads, signal)

  const tokensPerSecond = summary.seconds > 0 ? summary.tokens / summary.seconds : 0
  output.line(
    `${summary.steps} steps in ${duration(summary.seconds)} with ${engine.name}: loss ${summary.loss.toFixed(4)}, ${Math.round(tokensPerSecond)} tokens/s`,
  )
  if (before !== null && after !== null) {
    output.line(
      `on ${after.examples} held-out examples: loss ${before.loss.toFixed(3)} → ${after.loss.toFixed(3)}, exact match ${percent(before.exactMatch)} → ${percent(after.exactMatch)}`,
    )
  }
  if (before?.answers !== undefined && after?.answers !== undefined) {
    const [was, is] = [before.answers, after.answers]
    output.line(
      `their answers alone, behind the thinking of the data: loss ${was.loss.toFixed(3)} → ${is.loss.toFixed(3)}, exact match ${percent(was.exactMatch)} → ${percent(is.exactMatch)}`,
    )
  }
  output.line(`adapter ${origin.adapterDigest.slice(0, 16)} in ${out}`)
  return {
    out,
    ...origin,
    examples: tokenized.length,
    leftOut: { badLines: read.badLines, tooLong, empty },
    engine: engine.name,
    loss: summary.loss,
    seconds: summary.seconds,
    tokensPerSecond,
    test: before === null || after === null ? null : { before, after },
  }
}

function progressLine(p: TrainProgress): string {
  const left = duration(p.secondsLeft)
  return `step ${p.step}/${p.steps}  loss ${p.loss.toFixed(4)}  ${Math.round(p.tokensPerSecond)} tokens/s  ${left} left`
}

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`
