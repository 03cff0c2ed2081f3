import { expect } from 'chai'
import fc from 'fast-check'
import { ASK_LIMITS, askTeacher, isPlain, parseTeacherUrl, type RemoteTeacher } from '../../../node/distill/ask.ts'
import { isCoveyError } from '../../../src/base/errors.ts'
import { expectRejects } from '../../support/expect-error.ts'
import { say, TeacherServer } from '../../support/teacher-server.ts'

describe('asking a teacher behind a URL', () => {
  let server: TeacherServer
  const waits: number[] = []
  const clock = { now: () => 0, sleep: async (ms: number) => void waits.push(ms) }
  const teacher = (over: Partial<RemoteTeacher> = {}): RemoteTeacher => ({
    url: server.url,
    model: 'big',
    key: null,
    maxTokens: 50,
    temperature: 0,
    limits: { ...ASK_LIMITS, attempts: 3 },
    clock,
    ...over,
  })
  const question = { prompt: '2 + 2?' }

  beforeEach(async () => {
    waits.length = 0
    server = await TeacherServer.start()
  })
  afterEach(() => server.stop())

  it('sends what OpenAI documents, and the key as bearer', async () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
    ] as const
    expect(await askTeacher(teacher({ key: 'sk-1' }), { messages })).to.deep.equal({
      text: 're: Hi',
      thinking: null,
      whole: true,
    })
    await askTeacher(teacher(), question)
    const [first, second] = server.seen
    expect(first?.path).to.equal('/v1/chat/completions')
    expect(first?.headers.authorization).to.equal('Bearer sk-1')
    expect(first?.body).to.deep.equal({ model: 'big', messages, max_tokens: 50, temperature: 0, stream: false })
    expect(second?.headers).to.not.have.property('authorization')
    expect(second?.body.messages).to.deep.equal([{ role: 'user', content: '2 + 2?' }])
  })

  it('takes the thinking apart, wherever it stands, and says when an answer was cut', async () => {
    server.next(say('\n\n4', 'two and two'), say('<think>\ntwo and two\n</think>\n\n4'), {
      kind: 'say',
      message: { content: null, reasoning_content: 'still' },
      finish: 'length',
    })
    expect(await askTeacher(teacher(), question)).to.deep.equal({ text: '4', thinking: 'two and two', whole: true })
    expect((await askTeacher(teacher(), question)).thinking?.trim()).to.equal('two and two')
    expect(await askTeacher(teacher(), question)).to.deep.equal({ text: '', thinking: 'still', whole: false })
  })

  it('comes back after what passes, with growing waits and those that are asked for', async () => {
    server.next({ kind: 'status', status: 429, headers: { 'retry-after': '7' } }, { kind: 'cut' })
    expect((await askTeacher(teacher(), question)).text).to.equal('re: 2 + 2?')
    expect(waits).to.deep.equal([7000, 2000])
    waits.length = 0
    server.next({ kind: 'status', status: 503, headers: { 'retry-after': '1e9' } }, { kind: 'body', body: '<html>' })
    expect((await askTeacher(teacher(), question)).text).to.equal('re: 2 + 2?')
    expect(waits).to.deep.equal([300_000, 2000])
    server.always(() => ({
      kind: 'status',
      status: 500,
      body: JSON.stringify({ error: { message: 'no\u001b[31m memory' } }),
    }))
    await expectRejects(
      () => askTeacher(teacher(), question),
      'E_TEACHER',
      /500 \(no \[31m memory\); gave up after 3 tries/,
    )
  })

  it('does not wait for one that stalls, nor take more than agreed', async () => {
    server.always(() => ({ kind: 'stall' }))
    const limits = { ...ASK_LIMITS, attempts: 2, answer_ms: 100 }
    await expectRejects(
      () => askTeacher(teacher({ limits }), question),
      'E_TEACHER',
      /no whole answer within 0.1 s; gave up/,
    )
    server.always(() => ({ kind: 'flood' }))
    await expectRejects(() => askTeacher(teacher(), question), 'E_TEACHER', /at most 4194304 bytes/)
    expect(server.seen).to.have.length(3)
  })

  it('does not come back to one that refuses, and follows nobody elsewhere', async () => {
    const cases = [
      [401, 'sk-1', /refuses the key of COVEY_TEACHER_KEY/],
      [401, null, /set COVEY_TEACHER_KEY/],
      [404, null, /answered 404/],
      [302, 'sk-1', /leads elsewhere/],
    ] as const
    const other = await TeacherServer.start()
    for (const [status, key, message] of cases) {
      server.next({ kind: 'status', status, headers: { location: `${other.url}/chat/completions` } })
      await expectRejects(() => askTeacher(teacher({ key }), question), 'E_TEACHER', message)
    }
    expect(other.seen).to.deep.equal([])
    expect(server.seen).to.have.length(cases.length)
    expect(waits).to.deep.equal([])
    await other.stop()
  })

  it('ends when told so', async () => {
    server.always(() => ({ kind: 'stall' }))
    const abort = new AbortController()
    const running = askTeacher(teacher(), question, abort.signal)
    setTimeout(() => abort.abort(), 20)
    await expectRejects(() => running, 'E_ABORTED')
  })

  it('believes no body: whatever comes is an answer or an error of its own', async () => {
    const bodies = fc.oneof(
      fc.json(),
      fc.string(),
      fc.uint8Array(),
      fc
        .record({ choices: fc.array(fc.record({ message: fc.object({ key: fc.constantFrom('content', 'x') }) })) })
        .map((x) => JSON.stringify(x)),
    )
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        server.next({ kind: 'body', body })
        const limits = { ...ASK_LIMITS, attempts: 1 }
        try {
          const { text } = await askTeacher(teacher({ limits }), question)
          expect(text).to.be.a('string')
        } catch (error) {
          expect(isCoveyError(error, 'E_TEACHER')).to.equal(true)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('wants an address without secrets, and knows one that others can read', () => {
    expect(parseTeacherUrl('https://api.example.com/v1/')).to.equal('https://api.example.com/v1')
    for (const wrong of ['', 'localhost:80', 'ftp://x/v1', 'https://me:pw@x/v1', 'https://x/v1?key=1'])
      expect(() => parseTeacherUrl(wrong), wrong).to.throw(/--teacher-url/)
    expect([isPlain('http://127.0.0.1:80/v1'), isPlain('https://x/v1'), isPlain('http://x/v1')]).to.deep.equal([
      false,
      false,
      true,
    ])
  })
})
