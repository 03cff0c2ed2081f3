import { createTeaching } from '../../../node/distill/teachers.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import type { EvalResult } from '../../../src/types/engine.ts'
import type { CommandContext, Handler, OptionValues } from '../../command.ts'
import { loadExamples } from '../../common.ts'
import { lessonsOf, percent, trainStudent } from '../train/run.ts'
import { openStudent, type Student } from '../train/student.ts'
import { type LocalTeacher, measureTeacher, openTeachers } from './local.ts'
import type { distillOptions } from './options.ts'
import { remoteLessons } from './remote.ts'

type Options = OptionValues<typeof distillOptions>

export const distillHandler: Handler<typeof distillOptions> = async (options, [file = ''], command) => {
  if (options.teacher.length === 0 && !asks(options))
    throw new CoveyError(
      'E_CONFIG',
      'who teaches? Give a model with --teacher, or an address with --teacher-url and --teacher-model',
    )
  const student = await openStudent(options, command)
  // what is wrong with them shows before a stranger is paid for answers
  const teachers = await openTeachers(options.teacher, student, command.signal)
  try {
    return await distillFrom(teachers, student, file, options, command)
  } finally {
    for (const { inference } of teachers) await inference.close()
  }
}

const asks = ({ teacherUrl, teacherModel }: Options): boolean => teacherUrl !== null || teacherModel !== null

async function distillFrom(
  teachers: readonly LocalTeacher[],
  student: Student,
  file: string,
  options: Options,
  command: CommandContext,
): Promise<unknown> {
  const { output, signal } = command
  const { tokenizer, model, start, engine } = student
  const test = options.test === null ? null : await loadExamples(options.test, options, tokenizer, signal)
  const own = !asks(options) || options.keepLabels ? await loadExamples(file, options, tokenizer, signal) : null
  const remote = asks(options) ? await remoteLessons(file, options, tokenizer, test?.examples ?? null, command) : null
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
  const told: { name: string; digest: string; weight: number; test: EvalResult | null }[] = []
  for (const teacher of teachers) {
    const { name, digest, weight } = teacher
    const measured = await measureTeacher(teacher, lessons.test, options.maxTokens, signal)
    told.push({ name, digest, weight, test: measured })
    output.line(`teacher ${name}, weight ${weight}${scoreOf(measured)}`)
  }
  const { temperature, mix, topTokens: tokens } = options
  const distillation = { temperature, mix }
  const trained = await trainStudent(student, lessons, options, command, {
    ...(teachers.length > 0 && {
      teacher: createTeaching({ teachers, student: model.config, distillation, tokens }),
    }),
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
}

const scoreOf = (test: EvalResult | null): string =>
  test === null
    ? ''
    : `: loss ${test.loss.toFixed(3)}, exact match ${percent(test.exactMatch)} on the held-out examples`
