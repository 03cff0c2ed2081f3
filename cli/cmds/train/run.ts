/** The course of a command that trains: examples as tokens, measured, trained, written, measured again. */
import { join, resolve } from 'node:path'
import { type Teaching, trainAlone } from '../../../node/train-alone.ts'
import type { TrainProgress, TrainSummary } from '../../../node/train-loop.ts'
import { adapterDigest } from '../../../src/adapter/delta.ts'
import { writeAdapter } from '../../../src/adapter/folder.ts'
import { utf8 } from '../../../src/base/bytes.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { writeFileAtomic } from '../../../src/base/files.ts'
import { exampleKey } from '../../../src/data/split.ts'
import { tokenizeExamples } from '../../../src/data/tokenize.ts'
import type { Adapter } from '../../../src/types/adapter.ts'
import type { Example, TokenizedExample, Tokenizer } from '../../../src/types/data.ts'
import type { CommandContext } from '../../command.ts'
import { duration, ORIGIN_FILE } from '../../common.ts'
import { type Measured, measure } from '../../measure.ts'
import type { Student, StudentOptions } from './student.ts'

export interface Lessons {
  readonly tokenized: readonly TokenizedExample[]
  /** null: nothing is measured */
  readonly test: readonly TokenizedExample[] | null
  readonly tooLong: number
  readonly empty: number
}

/** Examples to learn from, without those of the test set: a question of it that is trained on would make the measurement worthless. */
export function lessonsOf(
  examples: readonly Example[],
  test: readonly Example[] | null,
  tokenizer: Tokenizer,
  options: Pick<StudentOptions, 'maxTokens' | 'thinkingWeight'>,
): Lessons {
  const held = new Set((test ?? []).map(exampleKey))
  const own = examples.filter((e) => !held.has(exampleKey(e)))
  return {
    ...tokenizeExamples(own, tokenizer, options.maxTokens, options),
    test: test && tokenizeExamples(test, tokenizer, options.maxTokens).tokenized,
  }
}

export interface TrainedStudent {
  readonly out: string
  /** what covey.origin.json says */
  readonly origin: Readonly<Record<string, unknown>> & { readonly adapterDigest: string }
  readonly summary: TrainSummary
  readonly tokensPerSecond: number
  readonly test: { readonly before: Measured; readonly after: Measured } | null
}

/**
 * @param origin what covey.origin.json says beside base, digests, method and steps
 * @throws CoveyError E_DATA_EMPTY | E_DIVERGED | E_ENGINE | E_DISK | E_ABORTED
 */
export async function trainStudent(
  student: Student,
  { tokenized, test }: Lessons,
  options: StudentOptions,
  { output, signal }: CommandContext,
  { teacher, origin: more = {} }: { readonly teacher?: Teaching; readonly origin?: object } = {},
): Promise<TrainedStudent> {
  const { engine, model, start, chosen, training, threads } = student
  const measured = (adapter: Adapter | null): Promise<Measured> | null =>
    test && measure(engine, model, adapter, test, options.maxTokens, threads, signal)
  const before = await measured(student.given)
  const run = trainAlone({
    engine,
    model,
    layout: start.layout,
    factors: chosen.factors,
    ...(chosen.precision !== undefined && { precision: chosen.precision }),
    ...(teacher && { teacher }),
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

  const adapter: Adapter = { layout: start.layout, values: summary.values }
  const out = resolve(options.out)
  await writeAdapter(out, adapter, model)
  const origin = {
    base: model.name,
    baseDigest: model.digest,
    adapterDigest: adapterDigest(adapter),
    method: options.method,
    steps: summary.steps,
    ...more,
  }
  await writeFileAtomic(join(out, ORIGIN_FILE), [utf8.encode(`${JSON.stringify(origin, null, 2)}\n`)])
  const after = await measured(adapter)

  const tokensPerSecond = summary.seconds > 0 ? summary.tokens / summary.seconds : 0
  output.line(
    `${summary.steps} steps in ${duration(summary.seconds)} with ${engine.name}: loss ${summary.loss.toFixed(4)}, ${Math.round(tokensPerSecond)} tokens/s`,
  )
  if (before !== null && after !== null) {
    output.line(`on ${after.examples} held-out examples: ${change(before, after)}`)
    if (before.answers !== undefined && after.answers !== undefined)
      output.line(`their answers alone, behind the thinking of the data: ${change(before.answers, after.answers)}`)
  }
  const { values: _, ...told } = summary
  const tested = before === null || after === null ? null : { before, after }
  return { out, origin, summary: told, tokensPerSecond, test: tested }
}

const change = (was: Measured, is: Measured): string =>
  `loss ${was.loss.toFixed(3)} → ${is.loss.toFixed(3)}, exact match ${percent(was.exactMatch)} → ${percent(is.exactMatch)}`

function progressLine(p: TrainProgress): string {
  const left = duration(p.secondsLeft)
  return `step ${p.step}/${p.steps}  loss ${p.loss.toFixed(4)}  ${Math.round(p.tokensPerSecond)} tokens/s  ${left} left`
}

export const percent = (x: number): string => `${(100 * x).toFixed(1)} %`
