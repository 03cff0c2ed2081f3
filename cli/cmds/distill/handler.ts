import { createTeaching } from '../../../node/distill/teachers.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import type { Handler } from '../../command.ts'
import { loadExamples } from '../../common.ts'
import { lessonsOf, percent, trainStudent } from '../train/run.ts'
import { openStudent } from '../train/student.ts'
import { type LocalTeacher, openTeachers } from './local.ts'
import type { distillOptions } from './options.ts'
import { type RemoteLessons, remoteLessons } from './remote.ts'

export const distillHandler: Handler<typeof distillOptions> = async (options, [file = ''], command) => {
  const { output, signal } = command
  const asks = options.teacherUrl !== null || options.teacherModel !== null
  if (options.teacher.length === 0 && !asks)
    throw new CoveyError(
      'E_CONFIG',
      'who teaches? Give a model with --teacher, or an address with --teacher-url and --teacher-model',
    )
  const student = await openStudent(options, command)
  const { tokenizer, model, start, engine } = student
  const test = options.test === null ? null : await loadExamples(options.test, options, tokenizer, signal)
  const own = !asks || options.keepLabels ? await loadExamples(file, options, tokenizer, signal) : null
  const remote: RemoteLessons | null = asks
    ? await remoteLessons(file, options, tokenizer, test?.examples ?? null, command)
    : null
  const examples = [...(own?.examples ?? []), ...(remote?.examples ?? [])]
  const lessons = lessonsOf(examples, test?.examples ?? null, tokenizer, options)
  const leftOut = {
    badLines: Math.max(own?.badLines ?? 0, remote?.badLines ?? 0),
    tooLong: lessons.tooLong,
    empty: lessons.empty,
  }
  const left = leftOut.badLines + leftOut.tooLong + leftOut.empty
  output.line(
    `${lessons.tokenized.length} examples, ${options.method} adapter of ${start.layout.size} values on ${model.name}${left > 0 ? `; ${left} records left out` : ''}`,
  )
  const teachers = await openTeachers(options.teacher, student, lessons.test, signal)
  try {
    for (const { name, weight, test } of teachers) output.line(`teacher ${name}, weight ${weight}${measured(test)}`)
    const { temperature, mix, topTokens: tokens } = options
    const distillation = { temperature, mix }
    const teaching = { teachers, student: model.config, distillation, tokens }
    const told = teachers.map((t) => ({ name: t.name, digest: t.digest, weight: t.weight, test: t.test }))
    const trained = await trainStudent(student, lessons, options, command, {
      ...(teachers.length > 0 && { teacher: createTeaching(teaching) }),
      origin: {
        teachers: told.map(({ name, digest, weight }) => ({ name, digest, weight })),
        asked: remote?.told.model ?? null,
      },
    })
    const { out, origin, summary, tokensPerSecond } = trained
    output.line(`adapter ${origin.adapterDigest.slice(0, 16)} in ${out}`)
    return {
      out,
      ...origin,
      teachers: told,
      distillation: teachers.length > 0 ? { ...distillation, topTokens: tokens } : null,
      asked: remote?.told ?? null,
      examples: lessons.tokenized.length,
      leftOut,
      engine: engine.name,
      loss: summary.loss,
      seconds: summary.seconds,
      tokensPerSecond,
      test: trained.test,
    }
  } finally {
    for (const { inference } of teachers) await inference.close()
  }
}

const measured = (test: LocalTeacher['test']): string =>
  test === null
    ? ''
    : `: loss ${test.loss.toFixed(3)}, exact match ${percent(test.exactMatch)} on the held-out examples`
