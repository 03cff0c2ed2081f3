/** An OpenAI-compatible server for tests whose every answer can be scripted: refused, stalled, cut, lied. */
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface AskedOf {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: {
    readonly model: string
    readonly messages: readonly { readonly role: string; readonly content: string }[]
  }
}

/** What one request meets. */
export type Act =
  | { readonly kind: 'say'; readonly message: object; readonly finish?: string }
  | {
      readonly kind: 'status'
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
    }
  | { readonly kind: 'body'; readonly body: string | Uint8Array }
  /** the connection breaks in the middle */
  | { readonly kind: 'cut' }
  /** some bytes, then nothing */
  | { readonly kind: 'stall' }
  /** bytes without an end */
  | { readonly kind: 'flood' }

export class TeacherServer {
  readonly seen: AskedOf[] = []
  readonly #server: Server
  readonly #acts: Act[] = []
  #answer: (question: string) => Act = (question) => say(`re: ${question}`)
  /** requests that are open, and the most that there were */
  open = 0
  mostAtOnce = 0

  private constructor() {
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = []
      this.mostAtOnce = Math.max(this.mostAtOnce, ++this.open)
      response.once('close', () => this.open--)
      request.on('data', (part: Buffer) => parts.push(part))
      request.once('end', () => {
        const body = JSON.parse(Buffer.concat(parts).toString('utf8')) as AskedOf['body']
        this.seen.push({ path: request.url ?? '', headers: request.headers, body })
        act(response, this.#acts.shift() ?? this.#answer(body.messages.at(-1)?.content ?? ''))
      })
    })
  }

  static async start(): Promise<TeacherServer> {
    const made = new TeacherServer()
    await new Promise<void>((resolve) => made.#server.listen(0, '127.0.0.1', resolve))
    return made
  }

  /** as --teacher-url takes it */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`
  }

  /** The next requests meet these, in order; later ones are answered. */
  next(...acts: readonly Act[]): void {
    this.#acts.push(...acts)
  }

  /** What every other request meets. */
  always(answer: (question: string) => Act): void {
    this.#answer = answer
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }
}

export const say = (content: string, thinking?: string): Act => ({
  kind: 'say',
  message: { role: 'assistant', content, ...(thinking !== undefined && { reasoning_content: thinking }) },
})

function act(response: ServerResponse, what: Act): void {
  const json = { 'content-type': 'application/json' }
  switch (what.kind) {
    case 'say': {
      const choices = [{ index: 0, message: what.message, finish_reason: what.finish ?? 'stop' }]
      response.writeHead(200, json).end(JSON.stringify({ id: 'x', object: 'chat.completion', choices }))
      return
    }
    case 'status':
      response.writeHead(what.status, { ...json, ...what.headers }).end(what.body ?? '{}')
      return
    case 'body':
      response.writeHead(200, json).end(what.body)
      return
    case 'cut':
      response.writeHead(200, { ...json, 'content-length': '1000' }).write('{"choices":')
      setImmediate(() => response.destroy())
      return
    case 'stall':
      response.writeHead(200, json).write('{"choices":')
      return
    case 'flood': {
      response.writeHead(200, json)
      const chunk = Buffer.alloc(64 * 1024, 'x')
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    }
  }
}
