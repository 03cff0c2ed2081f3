import { virtualTokens } from '../../../src/adapter/method.ts'
import { tokenizeExamples } from '../../../src/data/tokenize.ts'
import type { Handler } from '../../command.ts'
import { configOf, engineOf, loadExamples, openAdapter, openModel } from '../../common.ts'
import { type Measured, measure } from '../../measure.ts'
import type { evalOptions } from './options.ts'

export const evalHandler: Handler<typeof evalOptions> = async (options, [file = ''], context) => {
  const { output, signal } = context
  const config = configOf(
    {
      dir: options.dir,
      model: options.model,
      engine: options.engine,
      device: options.device,
      threads: options.threads,
    },
    context,
  )
  const threads = config.settings.threads ?? 0
  const { model, tokenizer } = await openModel(config, signal)
  const adapter = await openAdapter(options.adapter, model)
  const maxTokens = Math.min(
    options.maxTokens,
    model.config.maxPositions - virtualTokens(adapter?.adapter.layout ?? null),
  )
  const { examples, badLines } = await loadExamples(file, options, tokenizer, signal)
  const { tokenized, tooLong, empty } = tokenizeExamples(
    examples.slice(0, options.limit ?? undefined),
    tokenizer,
    maxTokens,
  )
  const engine = await engineOf(config)
  const base = await measure(engine, model, null, tokenized, maxTokens, threads, signal)
  show('base', base)
  const adapted =
    adapter === null ? null : await measure(engine, model, adapter.adapter, tokenized, maxTokens, threads, signal)
  if (adapted !== null) show('with the adapter', adapted)
  return {
    file,
    model: model.name,
    baseDigest: model.digest,
    adapterDigest: adapter?.digest ?? null,
    engine: engine.name,
    base,
    adapted,
    leftOut: { badLines, tooLong, empty },
  }

  function show(name: string, r: Measured): void {
    output.line(
      `${name}: loss ${r.loss.toFixed(4)}, exact match ${(100 * r.exactMatch).toFixed(1)} % of ${r.examples} examples`,
    )
    if (r.answers !== undefined) show(`${name}, answers behind the thinking of the data`, r.answers)
  }
}
