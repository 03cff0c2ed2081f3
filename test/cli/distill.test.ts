/** `covey distill` as a process: from folders, from a server, from both; interrupted and gone on with. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { seededRandom } from '../../src/base/random.ts'
import { ModelSlot } from '../../src/serve/model-slot.ts'
import { createServer } from '../../src/serve/server.ts'
import { BYTE_EOS, byteTokenizer, FakeInference } from '../support/fake-inference.ts'
import { runCli } from '../support/run-cli.ts'
import { TeacherServer } from '../support/teacher-server.ts'
import { useTempFolders } from '../support/temp-folder.ts'
import { tinyConfig } from '../support/tiny-config.ts'
import { writeTinyModel } from '../support/tiny-folder.ts'

const RECORDS = Array.from({ length: 16 }, (_, i) => JSON.stringify({ text: `say ${i % 8}`, label: `l${i % 4}` }))
const TEXTS = ['--prompt', '{text}:', '--completion', ' {label}']

describe('covey distill', () => {
  const tempFolder = useTempFolders()
  let dir: string
  let model: string
  let data: string
  let shared: string[]
  beforeEach(async () => {
    dir = await tempFolder()
    model = await writeTinyModel(join(dir, 'm'))
    data = join(dir, 'data.jsonl')
    await writeFile(data, RECORDS.join('\n'))
    shared = ['--model', model, '--max-tokens', '48', '--rank', '2', '--batch', '4', '--threads', '1', '--json']
  })

  it('brings a student nearer to a teacher of its vocabulary, and measures both', async () => {
    const adapter = join(dir, 'taught')
    const lesson = ['train', data, ...TEXTS, '--steps', '40', '--learning-rate', '0.02', '--out', adapter]
    expect((await runCli([...lesson, ...shared])).stderr).to.equal('')
    const teacher = join(dir, 'teacher')
    const merged = ['export', '--model', model, '--adapter', adapter, '--out', teacher, '--dtype', 'F32', '--json']
    expect((await runCli(merged)).code).to.equal(0)
    const test = join(dir, 'test.jsonl')
    await writeFile(test, JSON.stringify({ text: 'say 3 ', label: 'l3' }))
    const args = ['distill', data, ...TEXTS, '--teacher', teacher, '--teacher', `${model}=0.01`, '--mix', '1']
    const out = join(dir, 'student')
    const run = await runCli([...args, '--steps', '30', '--top-tokens', '16', '--test', test, '--out', out, ...shared])
    expect(run.stderr).to.equal('')
    const result = JSON.parse(run.stdout)
    expect(result.distillation).to.deep.equal({ temperature: 2, mix: 1, topTokens: 16 })
    expect(result.teachers.map((t: { weight: number }) => t.weight)).to.deep.equal([1, 0.01])
    const [best, base] = result.teachers
    expect(best.test.loss).to.be.lessThan(base.test.loss)
    expect(base.test.loss, 'the student itself').to.be.closeTo(result.test.before.loss, 1e-5)
    expect(result.test.after.loss).to.be.lessThan(result.test.before.loss)
    const origin = JSON.parse(await readFile(join(out, 'covey.origin.json'), 'utf8'))
    expect(origin.teachers[0].digest).to.equal(best.digest)
  })

  it('takes texts from our own server and thinks as it does, in a run that goes on', async () => {
    const reply = (prompt: string): string => `<think>about ${prompt.length}</think>yes`
    const inference = new FakeInference({ reply })
    const slot = new ModelSlot({
      id: 'big',
      inference,
      tokenizer: byteTokenizer,
      baseDigest: 'ab'.repeat(32),
      adapterDigest: null,
      contextTokens: 256,
      stopIds: [BYTE_EOS],
    })
    const logger = { info: () => {}, warn: () => {}, error: () => {} }
    const clock = { now: () => 1_700_000_000_000, sleep: async () => {} }
    const api = createServer({ slot, port: 0, clock, random: seededRandom(1), logger, token: 'secret-key' })
    await api.start()
    try {
      const out = join(dir, 'student')
      const ask = ['--teacher-url', `${api.url}/v1`, '--teacher-model', 'big', '--prompt', '{text}:']
      const args = ['distill', data, ...ask, '--thinking-weight', '0.5', '--steps', '4', '--out', out, ...shared]
      const refused = await runCli(args)
      expect(refused.code).to.equal(1)
      expect(JSON.parse(refused.stdout).error.code).to.equal('E_TEACHER')
      const env = { COVEY_TEACHER_KEY: 'secret-key' }
      const first = await runCli(args, { env })
      expect(first.stderr).to.equal('')
      const result = JSON.parse(first.stdout)
      expect(result.asked).to.include({ model: 'big', questions: 16, asked: 8, unusable: 0 })
      expect(result.teachers).to.deep.equal([])
      const answers = await readFile(join(out, 'answers.jsonl'), 'utf8')
      expect(JSON.parse(answers.split('\n')[0] as string)).to.include({ completion: ' yes' })
      expect(answers + first.stdout).to.not.include('secret-key')
      await api.stop()
      const again = JSON.parse((await runCli(args, { env })).stdout)
      expect(again.asked.asked).to.equal(0)
      expect(again.adapterDigest).to.equal(result.adapterDigest)
      const labels = ['--keep-labels', '--completion', ' {label}', '--teacher', model]
      const both = JSON.parse((await runCli([...args, ...labels], { env })).stdout)
      expect(both.examples).to.equal(2 * result.examples)
    } finally {
      await api.stop()
    }
  })

  it('says what is missing: a teacher, its model, its vocabulary, a key over plain http', async () => {
    const fails = async (args: readonly string[], code: string, words: RegExp, env = {}): Promise<void> => {
      const run = await runCli(['distill', data, ...TEXTS, ...args, ...shared], { env })
      expect(run.code, run.stderr).to.not.equal(0)
      const { error } = JSON.parse(run.stdout)
      expect(error.code).to.equal(code)
      expect(error.message).to.match(words)
    }
    await fails([], 'E_CONFIG', /who teaches/)
    await fails(['--teacher-url', 'http://127.0.0.1:1/v1'], 'E_CONFIG', /together/)
    await fails(['--teacher', `${model}=0`], 'E_CONFIG', /above 0/)
    await fails(['--teacher-url', 'http://teacher.invalid/v1', '--teacher-model', 'x'], 'E_CONFIG', /plain http/, {
      COVEY_TEACHER_KEY: 'secret-key',
    })
    const other = await writeTinyModel(join(dir, 'other'), tinyConfig)
    const file = join(other, 'tokenizer.json')
    await writeFile(
      file,
      (await readFile(file, 'utf8')).replace('<|im_end|>', '<|im_stop|>').replace('<|im_end|>', '<|im_stop|>'),
    )
    await fails(['--teacher', other], 'E_TOKENIZER', /vocabulary/)
    const server = await TeacherServer.start()
    server.always(() => ({ kind: 'say', message: { content: '' } }))
    await fails(['--teacher-url', server.url, '--teacher-model', 'x', '--out', join(dir, 'o')], 'E_DATA_EMPTY', /none/)
    await server.stop()
  })
})
