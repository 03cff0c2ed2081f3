import { decimal, flag, integer, list, option, text } from '../../command.ts'
import { trainOptions } from '../train/options.ts'

export const distillOptions = {
  ...trainOptions,
  teacher: list(
    '--teacher <model>',
    "model with the student's vocabulary, a folder or a pulled one's name; may be repeated: probabilities are averaged, DIR=2 counts twice",
    text,
  ),
  temperature: option(
    '--temperature <T>',
    "of the teachers' and the student's probabilities when they are compared",
    decimal(0.1, 100),
    2,
  ),
  mix: option('--mix <x>', "the teachers' share of the loss; the labels have the rest", decimal(0, 1), 0.5),
  topTokens: option(
    '--top-tokens <k>',
    "a teacher's likeliest tokens that are told one by one; the others count as one",
    integer(1, 65_536),
    64,
  ),
  teacherUrl: option(
    '--teacher-url <url>',
    "OpenAI-compatible address (http://127.0.0.1:8080/v1) of a teacher that writes the completions; the file's prompts are sent there, with the key of COVEY_TEACHER_KEY",
    text,
    null,
  ),
  teacherModel: option('--teacher-model <name>', 'its name there', text, null),
  teacherTokens: option('--teacher-tokens <n>', 'longest answer that it may write', integer(1, 1_000_000), 1024),
  teacherTemperature: option('--teacher-temperature <x>', 'of its own sampling, 0 = greedy', decimal(0, 2), 0),
  teacherTimeout: option('--teacher-timeout <s>', 'for one whole answer, seconds', integer(1, 300), 300),
  teacherParallel: option('--teacher-parallel <n>', 'questions asked at once', integer(1, 64), 4),
  keepLabels: flag('--keep-labels', "learn the file's own completions, too, beside those that --teacher-url writes"),
}
