import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { isCoveyError } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import { ModelSlot, type ServedModel } from '../../src/serve/model-slot.ts'
import { type ApiServer, createServer, type ServerOptions } from '../../src/serve/server.ts'
import { BYTE_EOS, byteTokenizer, FakeInference, type FakeInferenceOptions } from '../support/fake-inference.ts'

const logger = { info: () => {}, warn: () => {}, error: () => {} }
const clock = { now: () => 1_700_000_000_000, sleep: async () => {} }

interface Open {
  readonly api: ApiServer
  readonly inference: FakeInference
  readonly slot: ModelSlot
}

const opened: ApiServer[] = []

function served(inference: FakeInference, over: Partial<ServedModel> = {}): ServedModel {
  return {
    id: 'tiny',
    inference,
    tokenizer: byteTokenizer,
    baseDigest: 'ab'.repeat(32),
    adapterDigest: null,
    contextTokens: 64,
    stopIds: [BYTE_EOS],
    ...over,
  }
}

async function open(fake: FakeInferenceOptions, options: Partial<ServerOptions> = {}): Promise<Open> {
  const inference = new FakeInference(fake)
  const slot = new ModelSlot(served(inference))
  const api = createServer({ slot, port: 0, clock, random: seededRandom(1), logger, ...options })
  await api.start()
  opened.push(api)
  return { api, inference, slot }
}

const post = (api: ApiServer, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(api.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

/** the data of each server-sent event */
async function events(response: Response): Promise<string[]> {
  const text = await response.text()
  return text
    .split('\n\n')
    .filter((e) => e !== '')
    .map((e) => e.replace(/^data: /, ''))
}

const echo = (prompt: string): string => `you said ${prompt}`

describe('HTTP API', () => {
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((api) => api.stop()))
  })

  it('lists the one model and what it is made of', async () => {
    const { api, slot } = await open({ reply: echo })
    slot.setAdapter(new Float32Array(1), 'cd'.repeat(32))
    const list = (await (await fetch(`${api.url}/v1/models`)).json()) as { data: Record<string, unknown>[] }
    expect(list.data).to.have.length(1)
    expect(list.data[0]).to.include({ id: 'tiny', object: 'model', base: 'ab'.repeat(32), adapter: 'cd'.repeat(32) })
    expect((await fetch(`${api.url}/v1/models/tiny`)).status).to.equal(200)
    expect((await fetch(`${api.url}/v1/models/huge`)).status).to.equal(404)
    expect(await (await fetch(`${api.url}/healthz`)).json()).to.include({ status: 'ok', model: 'tiny', queued: 0 })
  })

  it('answers a chat in OpenAI\u2019s form', async () => {
    const { api } = await open({ reply: echo })
    const body = { model: 'tiny', messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }] }
    const answer = await (await post(api, '/v1/chat/completions', body)).json()
    const prompt = '<user>hi<assistant>'
    expect(answer).to.deep.include({ object: 'chat.completion', created: 1_700_000_000, model: 'tiny' })
    expect((answer as { choices: unknown }).choices).to.deep.equal([
      {
        index: 0,
        message: { role: 'assistant', content: echo(prompt), refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ])
    const made = echo(prompt).length + 1
    expect((answer as { usage: unknown }).usage).to.deep.equal({
      prompt_tokens: prompt.length,
      completion_tokens: made,
      total_tokens: prompt.length + made,
    })
  })

  it('streams a chat: role, whole characters, the end, usage', async () => {
    const { api } = await open({ reply: () => 'na\u00efve €5' })
    const body = { messages: [{ role: 'user', content: 'x' }], stream: true, stream_options: { include_usage: true } }
    const response = await post(api, '/v1/chat/completions', body)
    expect(response.headers.get('content-type')).to.match(/^text\/event-stream/)
    const all = await events(response)
    expect(all.pop()).to.equal('[DONE]')
    const chunks = all.map((e) => JSON.parse(e))
    expect(chunks[0].choices[0].delta.role).to.equal('assistant')
    const usage = chunks.pop()
    expect(usage.choices).to.deep.equal([])
    expect(usage.usage.completion_tokens).to.equal(12)
    expect(chunks.map((c) => c.choices[0].delta.content ?? '').join('')).to.equal('na\u00efve €5')
    expect(chunks.at(-1).choices[0].finish_reason).to.equal('stop')
    expect(new Set(chunks.map((c) => c.id)).size).to.equal(1)
  })

  it('completes several prompts, each with its own end', async () => {
    const { api } = await open({ reply: (p) => (p === 'a' ? 'short' : 'rather long') })
    const answer = (await (await post(api, '/v1/completions', { prompt: ['a', 'b'], max_tokens: 8 })).json()) as {
      choices: { text: string; finish_reason: string }[]
      usage: { completion_tokens: number }
    }
    expect(answer.choices.map((c) => [c.text, c.finish_reason])).to.deep.equal([
      ['short', 'stop'],
      ['rather l', 'length'],
    ])
    expect(answer.usage.completion_tokens).to.equal(6 + 8)
  })

  it('stops at a stop string across token borders and ends the generation', async () => {
    const { api, inference } = await open({ reply: () => 'one\n\ntwo' })
    const body = { prompt: 'p', max_tokens: 40, stop: ['\n\n', 'zzz'] }
    const answer = (await (await post(api, '/v1/completions', body)).json()) as { choices: unknown[] }
    expect(answer.choices[0]).to.deep.include({ text: 'one', finish_reason: 'stop' })
    expect(inference.stopped).to.equal(1)
  })

  it('passes the sampling settings on and clamps max_tokens to the context', async () => {
    const seen: object[] = []
    const { api } = await open({ reply: (_p, _a, o) => (seen.push(o) > 0 ? 'y'.repeat(100) : '') })
    const body = { prompt: 'p'.repeat(60), max_tokens: 999, temperature: 0.5, top_p: 0.9, seed: 7 }
    const answer = (await (await post(api, '/v1/completions', body)).json()) as { choices: unknown[] }
    expect(seen[0]).to.deep.include({ maxTokens: 4, temperature: 0.5, topP: 0.9, seed: 7, stopIds: [BYTE_EOS] })
    expect(answer.choices[0]).to.deep.include({ text: 'yyyy', finish_reason: 'length' })
  })

  const chat = { messages: [{ role: 'user', content: 'x' }] }
  const bad: [name: string, path: string, body: unknown, status: number, param: string | null, code: string][] = [
    ['not JSON', 'chat/completions', '{', 400, null, 'E_REQUEST'],
    ['no messages', 'chat/completions', {}, 400, 'messages', 'E_REQUEST'],
    [
      'a role unknown',
      'chat/completions',
      { messages: [{ role: 'boss', content: '' }] },
      400,
      'messages[0].role',
      'E_REQUEST',
    ],
    [
      'an image',
      'chat/completions',
      { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
      400,
      'messages[0].content',
      'E_REQUEST',
    ],
    ['two answers', 'chat/completions', { ...chat, n: 2 }, 400, 'n', 'E_REQUEST'],
    ['tools', 'chat/completions', { ...chat, tools: [{}] }, 400, 'tools', 'E_REQUEST'],
    [
      'a JSON schema',
      'chat/completions',
      { ...chat, response_format: { type: 'json_schema' } },
      400,
      'response_format',
      'E_REQUEST',
    ],
    ['too hot', 'chat/completions', { ...chat, temperature: 3 }, 400, 'temperature', 'E_REQUEST'],
    ['top_p 0', 'chat/completions', { ...chat, top_p: 0 }, 400, 'top_p', 'E_REQUEST'],
    ['max_tokens 0', 'chat/completions', { ...chat, max_tokens: 0 }, 400, 'max_tokens', 'E_REQUEST'],
    ['an empty stop', 'chat/completions', { ...chat, stop: '' }, 400, 'stop', 'E_REQUEST'],
    ['five stops', 'chat/completions', { ...chat, stop: ['a', 'b', 'c', 'd', 'e'] }, 400, 'stop', 'E_REQUEST'],
    ['another model', 'chat/completions', { ...chat, model: 'gpt-4' }, 404, 'model', 'model_not_found'],
    ['no prompt', 'completions', { prompt: [] }, 400, 'prompt', 'E_REQUEST'],
    ['tokens as prompt', 'completions', { prompt: [1, 2] }, 400, 'prompt', 'E_REQUEST'],
    ['an empty prompt', 'completions', { prompt: '' }, 400, 'prompt', 'E_REQUEST'],
    ['echo', 'completions', { prompt: 'a', echo: true }, 400, 'echo', 'E_REQUEST'],
    [
      'a prompt beyond the context',
      'completions',
      { prompt: 'x'.repeat(64) },
      400,
      'prompt',
      'context_length_exceeded',
    ],
    ['a body beyond the cap', 'completions', { prompt: 'x'.repeat(2000) }, 413, null, 'E_TOO_LARGE'],
    ['no such path', 'embeddings', {}, 404, null, 'not_found'],
  ]
  for (const [name, path, body, status, param, code] of bad) {
    it(`refuses ${name}`, async () => {
      const { api, inference } = await open({ reply: echo }, { limits: { maxBodyBytes: 1000 } })
      const response = await post(api, `/v1/${path}`, body)
      const { error } = (await response.json()) as { error: Record<string, unknown> }
      expect(response.status).to.equal(status)
      expect(error).to.include({ param, code, type: 'invalid_request_error' })
      expect(error.message).to.be.a('string').with.length.above(10)
      expect(inference.running + inference.finished + inference.stopped).to.equal(0)
    })
  }

  it('refuses a chunked body beyond the cap and other content types', async () => {
    const { api } = await open({ reply: echo }, { limits: { maxBodyBytes: 1000 } })
    const body = ReadableStream.from([new Uint8Array(600), new Uint8Array(600)])
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      duplex: 'half',
    } as RequestInit
    expect((await fetch(`${api.url}/v1/completions`, init)).status).to.equal(413)
    expect((await post(api, '/v1/completions', '{"prompt":"a"}', { 'content-type': 'text/plain' })).status).to.equal(
      415,
    )
  })

  it('asks for the bearer token everywhere but at /healthz', async () => {
    const { api } = await open({ reply: echo }, { token: 'secret' })
    expect((await fetch(`${api.url}/healthz`)).status).to.equal(200)
    const without = await post(api, '/v1/chat/completions', chat)
    expect(without.status).to.equal(401)
    expect(await without.json()).to.have.nested.property('error.code', 'invalid_api_key')
    expect((await post(api, '/v1/chat/completions', chat, { authorization: 'Bearer wrong' })).status).to.equal(401)
    expect((await post(api, '/v1/chat/completions', chat, { authorization: 'Bearer secret' })).status).to.equal(200)
  })

  it('refuses a foreign Host on loopback (DNS rebinding)', async () => {
    const { api } = await open({ reply: echo })
    const status = await new Promise((resolve, reject) => {
      const request = httpRequest(`${api.url}/v1/models`, { headers: { host: 'evil.example' } }, (r) => {
        r.resume()
        resolve(r.statusCode)
      })
      request.on('error', reject).end()
    })
    expect(status).to.equal(403)
  })

  it('says 429 when the line is full, and serves those who wait', async () => {
    const { api } = await open({ reply: echo, delay_ms: 5 }, { limits: { maxWaiting: 1 } })
    const responses = await Promise.all(
      [1, 2, 3].map(() => post(api, '/v1/completions', { prompt: 'a', max_tokens: 4 })),
    )
    expect(responses.map((r) => r.status).sort()).to.deep.equal([200, 200, 429])
    const busy = responses.find((r) => r.status === 429) as Response
    expect(busy.headers.get('retry-after')).to.equal('1')
    expect(await busy.json()).to.have.nested.property('error.code', 'E_BUSY')
  })

  it('says 500 without details when the engine fails, and goes on', async () => {
    const { api } = await open({ reply: echo, fail: new Error('/private/path broke') })
    const response = await post(api, '/v1/chat/completions', { ...chat, stream: true })
    expect(response.status).to.equal(500)
    expect(await response.text()).not.to.include('/private/path')
    expect(await (await fetch(`${api.url}/healthz`)).json()).to.include({ queued: 0 })
  })

  for (const stream of [true, false]) {
    it(`ends the generation when the client hangs up (stream: ${stream})`, async () => {
      const { api, inference } = await open({ reply: () => 'x'.repeat(50), delay_ms: 20 })
      const socket = connect(api.port, '127.0.0.1')
      const body = JSON.stringify({ prompt: 'a', max_tokens: 50, stream })
      socket.write(
        `POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
      while (inference.running === 0) await sleep(5)
      if (stream) await new Promise((resolve) => socket.once('data', resolve))
      socket.destroy()
      for (let i = 0; i < 100 && inference.stopped === 0; i++) await sleep(5)
      expect(inference.stopped).to.equal(1)
      expect(await (await fetch(`${api.url}/healthz`)).json()).to.include({ queued: 0 })
    })
  }

  it('names a port that is taken', async () => {
    const { api } = await open({ reply: echo })
    try {
      await open({ reply: echo }, { port: api.port })
      expect.fail('it listened twice')
    } catch (error) {
      expect(isCoveyError(error, 'E_PORT') && error.message).to.match(new RegExp(`port ${api.port} .*--port`))
    }
  })

  it('ends what still runs some time after stop', async () => {
    const { api } = await open({ reply: () => 'x'.repeat(50), delay_ms: 20 }, { limits: { stop_ms: 50 } })
    const answer = post(api, '/v1/completions', { prompt: 'a', max_tokens: 50 }).then(
      (r) => r.status,
      () => 'cut',
    )
    await sleep(30)
    await api.stop()
    expect(await answer).to.be.oneOf([503, 'cut'])
  })
})
