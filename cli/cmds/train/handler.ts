import type { Handler } from '../../command.ts'
import { loadExamples } from '../../common.ts'
import type { trainOptions } from './options.ts'
import { lessonsOf, trainStudent } from './run.ts'
import { openStudent } from './student.ts'

export const trainHandler: Handler<typeof trainOptions> = async (options, [file = ''], command) => {
  const { output, signal } = command
  const student = await openStudent(options, command)
  const { tokenizer, model, start, engine } = student
  const test = options.test === null ? null : await loadExamples(options.test, options, tokenizer, signal)
  const read = await loadExamples(file, options, tokenizer, signal)
  const lessons = lessonsOf(read.examples, test?.examples ?? null, tokenizer, options)
  const { tooLong, empty } = lessons
  const left = read.badLines + tooLong + empty
  output.line(
    `${lessons.tokenized.length} examples, ${options.method} adapter of ${start.layout.size} values on ${model.name}${left > 0 ? `; ${left} records left out` : ''}`,
  )
  const trained = await trainStudent(student, lessons, options, command)
  const { out, origin, summary, tokensPerSecond } = trained
  output.line(`adapter ${origin.adapterDigest.slice(0, 16)} in ${out}`)
  return {
    out,
    ...origin,
    examples: lessons.tokenized.length,
    leftOut: { badLines: read.badLines, tooLong, empty },
    engine: engine.name,
    loss: summary.loss,
    seconds: summary.seconds,
    tokensPerSecond,
    test: trained.test,
  }
}
