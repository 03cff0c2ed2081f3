/** A teacher behind a URL: the file's questions go there, its answers become examples. */
import { join, resolve } from 'node:path'
import { type Answers, collectAnswers } from '../../../node/distill/answers.ts'
import { ASK_LIMITS, isPlain, parseTeacherUrl } from '../../../node/distill/ask.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { CoveyError } from '../../../src/base/errors.ts'
import { questionMaker } from '../../../src/data/question.ts'
import { readRecords } from '../../../src/data/records.ts'
import { exampleKey } from '../../../src/data/split.ts'
import { exampleMaker, makeOfEach } from '../../../src/data/template.ts'
import type { Example, Tokenizer } from '../../../src/types/data.ts'
import type { CommandContext, OptionValues } from '../../command.ts'
import type { distillOptions } from './options.ts'

/** In --out. */
const ANSWERS_FILE = 'answers.jsonl'

export interface RemoteLessons {
  readonly examples: readonly Example[]
  readonly badLines: number
  /** what the command's result tells of it */
  readonly told: Omit<Answers, 'records'> & {
    readonly host: string
    readonly model: string
    readonly questions: number
    readonly file: string
  }
}

/** @throws CoveyError E_CONFIG | E_TEACHER | E_DATA_FORMAT | E_DATA_EMPTY | E_TEMPLATE | E_DISK | E_ABORTED */
export async function remoteLessons(
  file: string,
  options: OptionValues<typeof distillOptions>,
  tokenizer: Tokenizer,
  test: readonly Example[] | null,
  { output, signal, env }: CommandContext,
): Promise<RemoteLessons> {
  const { teacherUrl, teacherModel: model } = options
  if (teacherUrl === null || model === null)
    throw new CoveyError('E_CONFIG', 'expected --teacher-url and --teacher-model together')
  const url = parseTeacherUrl(teacherUrl)
  const { host } = new URL(url)
  const key = env.COVEY_TEACHER_KEY || null
  if (key !== null) output.hide(key)
  if (key !== null && isPlain(url))
    throw new CoveyError(
      'E_CONFIG',
      `--teacher-url: ${host} is asked over plain http, where the key of COVEY_TEACHER_KEY could be read: use https, or unset it`,
    )
  const records = await readRecords(file, { signal })
  const { made, badCount } = makeOfEach(records, questionMaker(options.prompt))
  // what is measured on is not learnt, so it need not be asked
  const held = new Set((test ?? []).map(exampleKey))
  const questions = made.filter((q) => {
    const prompt = 'messages' in q ? tokenizer.chat(q.messages, true) : q.prompt
    return !held.has(exampleKey({ prompt, completion: '', partition: '' }))
  })
  output.line(`${questions.length} questions for ${model} at ${host}${isPlain(url) ? ', over plain http' : ''}`)
  const path = join(resolve(options.out), ANSWERS_FILE)
  const answers = await collectAnswers({
    teacher: {
      url,
      model,
      key,
      maxTokens: options.teacherTokens,
      temperature: options.teacherTemperature,
      limits: { ...ASK_LIMITS, answer_ms: options.teacherTimeout * 1000 },
      clock: systemClock,
      onRetry: (reason, wait_ms) => output.note(`${reason}; once more in ${Math.ceil(wait_ms / 1000)} s`),
    },
    questions,
    file: path,
    parallel: options.teacherParallel,
    onProgress: (done, of) => output.progress(`answer ${done}/${of} of ${model}`),
    signal,
  })
  const { records: answered, asked, unusable } = answers
  output.line(
    `${answered.length} answers in ${path}: ${asked} asked now, ${unusable} left out (empty, or cut at --teacher-tokens)`,
  )
  if (answered.length === 0)
    throw new CoveyError(
      'E_DATA_EMPTY',
      `${host}: expected at least one whole answer, got none: see ${path}, or raise --teacher-tokens`,
    )
  const make = exampleMaker({ prompt: null, completion: null, partitionBy: null }, tokenizer)
  const { made: examples } = makeOfEach({ records: answered, lines: [] }, make)
  return {
    examples,
    badLines: records.badCount + badCount,
    told: { host, model, questions: questions.length, asked, unusable, file: path },
  }
}
