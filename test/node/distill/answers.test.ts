import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { type Answers, type AnswersOptions, collectAnswers } from '../../../node/distill/answers.ts'
import { ASK_LIMITS } from '../../../node/distill/ask.ts'
import { questionMaker } from '../../../src/data/question.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { say, TeacherServer } from '../../support/teacher-server.ts'
import { useTempFolders } from '../../support/temp-folder.ts'

describe('answers of a teacher', () => {
  const tempFolder = useTempFolders()
  let server: TeacherServer
  let file: string
  const questions = Array.from({ length: 6 }, (_, i) => ({ prompt: `q${i}:` }))
  const clock = { now: () => 0, sleep: async () => {} }
  const collect = (over: Partial<AnswersOptions> = {}, model = 'big'): Promise<Answers> => {
    const limits = { ...ASK_LIMITS, attempts: 1 }
    const teacher = { url: server.url, model, key: null, maxTokens: 50, temperature: 0, limits, clock }
    return collectAnswers({ teacher, questions, file, parallel: 2, ...over })
  }
  beforeEach(async () => {
    server = await TeacherServer.start()
    file = join(await tempFolder(), 'out', 'answers.jsonl')
  })
  afterEach(() => server.stop())

  it('are records in the order of their questions, asked a few at once', async () => {
    server.always((q) => say(`a of ${q}`, q === 'q2:' ? 'hm' : undefined))
    const progress: number[] = []
    const { records, asked, unusable } = await collect({ onProgress: (done) => progress.push(done) })
    expect(records).to.deep.equal(
      questions.map(({ prompt }, i) => ({ prompt, completion: ` a of ${prompt}`, ...(i === 2 && { thinking: 'hm' }) })),
    )
    expect([asked, unusable]).to.deep.equal([6, 0])
    expect(server.mostAtOnce).to.be.at.most(2)
    expect(progress).to.deep.equal([1, 2, 3, 4, 5, 6])
  })

  it('are asked for once: a run that broke off goes on, whatever its last line looks like', async () => {
    let left = 3
    server.always((q) => (left-- > 0 ? say(q) : { kind: 'status', status: 400 }))
    await expectRejects(() => collect({ parallel: 1 }), 'E_TEACHER', /400/)
    const lines = (await readFile(file, 'utf8')).split('\n')
    expect(lines).to.have.length(4)
    await writeFile(file, `${lines.slice(0, 2).join('\n')}\n${(lines[2] as string).slice(0, 40)}`)
    server.always(say)
    server.seen.length = 0
    const whole = await collect()
    expect(whole.asked).to.equal(4)
    expect(server.seen.map((s) => s.body.messages[0]?.content).sort()).to.deep.equal(['q2:', 'q3:', 'q4:', 'q5:'])
    expect(whole.records).to.have.length(6)
    expect((await collect()).asked).to.equal(0)
    expect((await collect({}, 'other')).asked, 'another model').to.equal(6)
    expect(server.seen).to.have.length(10)
  })

  it('that are empty or cut are kept as such, not learnt, and not asked again; a question that comes twice is asked once', async () => {
    const cut = { kind: 'say', message: { content: 'half' }, finish: 'length' } as const
    server.always((q) => (q === 'q1:' ? say(' ') : q === 'q2:' ? cut : say(q)))
    const twice = [...questions, { prompt: 'q0:' }]
    const first = await collect({ questions: twice })
    expect([first.asked, first.unusable, first.records.length]).to.deep.equal([6, 2, 5])
    expect((await collect({ questions: twice })).asked).to.equal(0)
  })

  it('end together when one fails or when told so, and what came is kept', async () => {
    server.always((q) => (q === 'q1:' ? { kind: 'status', status: 403 } : { kind: 'stall' }))
    await expectRejects(() => collect({ parallel: 4 }), 'E_TEACHER', /COVEY_TEACHER_KEY/)
    const abort = new AbortController()
    server.always((q) => (q === 'q0:' ? say(q) : { kind: 'stall' }))
    const running = collect({ signal: abort.signal, onProgress: () => abort.abort() })
    await expectRejects(() => running, 'E_ABORTED')
    server.always(say)
    expect((await collect()).asked).to.equal(5)
  })

  it('are asked about a prompt, or about a conversation up to its last answer', async () => {
    const bare = questionMaker(null)
    const [user, said] = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello' },
    ]
    expect(bare({ messages: [user, said] })).to.deep.equal({ messages: [user] })
    expect(bare({ messages: [user, said, user] }), 'what comes after the last answer').to.deep.equal({
      messages: [user],
    })
    expect(bare({ messages: [user] })).to.deep.equal({ messages: [user] })
    expect(bare({ prompt: 'Q' })).to.deep.equal({ prompt: 'Q' })
    expect(questionMaker('Q: {q}')({ q: 1 })).to.deep.equal({ prompt: 'Q: 1' })
    await expectRejects(() => bare({ messages: [said] }), 'E_DATA_FORMAT', /before the assistant/)
    await expectRejects(() => bare({ q: 1 }), 'E_TEMPLATE', /--prompt/)
  })
})
