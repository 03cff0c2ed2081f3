/** Turns a checked request into an HTTP response: waits in line, holds the model, runs it, writes JSON or a stream. */
import type { Logger } from 'pino'
import { anySignal } from '../base/abort.ts'
import type { Random } from '../base/random.ts'
import { promptIds } from '../data/prompt-ids.ts'
import type { Clock } from '../types/clock.ts'
import type { Tokenizer } from '../types/data.ts'
import { type AnswerHead, openingChunk, textChunk, usageChunk, usageOf, wholeAnswer } from './answers.ts'
import { type CompletionRequest, complete, type Piece } from './completion.ts'
import { httpError, requestError } from './http-errors.ts'
import type { ServeLimits } from './limits.ts'
import type { Lease, ModelSlot, ServedModel } from './model-slot.ts'
import { RequestQueue } from './queue.ts'
import type { ParsedRequest } from './requests.ts'

export interface GenerationsOptions {
  readonly slot: ModelSlot
  readonly clock: Clock
  readonly random: Random
  readonly limits: ServeLimits
  readonly logger: Pick<Logger, 'error'>
  /** fires when the server gives up on running answers */
  readonly stopping: AbortSignal
}

/** An answer that has begun. */
interface Running {
  readonly head: AnswerHead
  readonly promptTokens: number
  readonly pieces: AsyncGenerator<Piece, void>
}

export class Generations {
  private readonly options: GenerationsOptions
  private readonly queue: RequestQueue

  constructor(options: GenerationsOptions) {
    this.options = options
    this.queue = new RequestQueue(options.limits.maxRunning, options.limits.maxWaiting)
  }

  /** requests that run or wait */
  get queued(): number {
    return this.queue.length
  }

  /** @throws CoveyError E_REQUEST when another model is asked for */
  assertModel(id: string | undefined): void {
    const served = this.options.slot.model.id
    if (id === undefined || id === served) return
    const data = { param: 'model', status: 404, openai: 'model_not_found' } as const
    throw requestError(`model: expected ${JSON.stringify(served)}, got ${JSON.stringify(id)}`, data)
  }

  /**
   * @param gone fires when the client has hung up
   * @throws CoveyError E_REQUEST | E_BUSY | E_ABORTED | E_ENGINE; after a stream has begun, errors go into the stream
   */
  async answer(request: ParsedRequest, gone: AbortSignal): Promise<Response> {
    this.assertModel(request.model)
    const hangUp = new AbortController()
    const signal = anySignal([gone, hangUp.signal, this.options.stopping])
    const leave = await this.queue.enter(signal)
    let lease: Lease
    try {
      lease = this.options.slot.acquire()
    } catch (error) {
      leave()
      throw error
    }
    const free = (): void => {
      lease.release()
      leave()
    }
    let first: IteratorResult<Piece, void>
    let running: Running
    try {
      running = this.begin(lease.model, request, signal)
      // no header goes out before the first token: until then an error still has its own status
      first = await running.pieces.next()
    } catch (error) {
      free()
      throw error
    }
    if (request.stream) return this.stream(running, first, request.includeUsage, free, () => hangUp.abort())
    try {
      return await this.whole(running, first, 'messages' in request.input ? 1 : request.input.prompts.length)
    } finally {
      free()
    }
  }

  private begin(model: ServedModel, request: ParsedRequest, signal: AbortSignal): Running {
    const kind = 'messages' in request.input ? 'chat' : 'completion'
    const prompts = tokenize(model.tokenizer, request)
    const longest = Math.max(...prompts.map((ids) => ids.length))
    const room = model.contextTokens - longest
    const param = kind === 'chat' ? 'messages' : 'prompt'
    if (prompts.some((ids) => ids.length === 0)) throw requestError(`${param}: expected at least one token`, { param })
    if (room < 1) {
      const message = `${param}: expected fewer than ${model.contextTokens} tokens (the model's context), got ${longest}`
      throw requestError(message, { param, openai: 'context_length_exceeded' })
    }
    const { random, clock } = this.options
    const completion: CompletionRequest = {
      prompts,
      // clients often ask for more than fits; the answer then ends with finish_reason "length"
      maxTokens: Math.min(request.maxTokens ?? room, room),
      temperature: request.temperature,
      topP: request.topP,
      seed: request.seed ?? random.int(2 ** 31),
      stops: request.stops,
    }
    const unique = [0, 0, 0]
      .map(() =>
        random
          .int(2 ** 32)
          .toString(16)
          .padStart(8, '0'),
      )
      .join('')
    const head: AnswerHead = {
      kind,
      id: `${kind === 'chat' ? 'chatcmpl' : 'cmpl'}-${unique}`,
      created: Math.floor(clock.now() / 1000),
      model: model.id,
      fingerprint: `covey-${model.baseDigest.slice(0, 12)}-${model.adapterDigest?.slice(0, 12) ?? 'base'}`,
    }
    const promptTokens = prompts.reduce((sum, ids) => sum + ids.length, 0)
    return { head, promptTokens, pieces: complete(model, completion, signal) }
  }

  private async whole(running: Running, first: IteratorResult<Piece, void>, prompts: number): Promise<Response> {
    const choices = Array.from({ length: prompts }, (_, index) => ({
      index,
      text: '',
      finish: 'length' as Piece['finish'],
      tokens: 0,
    }))
    for (let next = first; !next.done; next = await running.pieces.next()) {
      const choice = choices[next.value.index]
      if (choice === undefined) continue
      choice.text += next.value.text
      choice.finish = next.value.finish
      choice.tokens = next.value.tokens
    }
    const made = choices.reduce((sum, c) => sum + c.tokens, 0)
    const list = choices.map((c) => ({ index: c.index, text: c.text, finish: c.finish ?? 'length' }))
    return Response.json(wholeAnswer(running.head, list, usageOf(running.promptTokens, made)))
  }

  /**
   * Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). Text is written as fast as it is
   * made, not as fast as it is read: one slow reader must not hold the engine, and an answer is small.
   */
  private stream(
    running: Running,
    first: IteratorResult<Piece, void>,
    includeUsage: boolean,
    free: () => void,
    hangUp: () => void,
  ): Response {
    const { head, pieces, promptTokens } = running
    const encoder = new TextEncoder()
    let cancelled = false
    const pump = async (write: (data: object | '[DONE]') => void): Promise<void> => {
      const made = new Map<number, number>()
      if (head.kind === 'chat') write(openingChunk(head))
      for (let next = first; !next.done; next = await pieces.next()) {
        made.set(next.value.index, next.value.tokens)
        write(textChunk(head, next.value))
      }
      const total = [...made.values()].reduce((sum, n) => sum + n, 0)
      if (includeUsage) write(usageChunk(head, usageOf(promptTokens, total)))
      write('[DONE]')
    }
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const write = (data: object | '[DONE]'): void => {
          if (cancelled) return
          const text = typeof data === 'string' ? data : JSON.stringify(data)
          controller.enqueue(encoder.encode(`data: ${text}\n\n`))
        }
        // not returned: the stream must be readable while this goes on
        pump(write)
          .catch((error: unknown) => {
            if (cancelled) return
            this.options.logger.error({ err: error }, 'a stream failed')
            write(httpError(error).body)
          })
          .finally(() => {
            free()
            if (!cancelled) controller.close()
          })
      },
      cancel: () => {
        cancelled = true
        hangUp()
      },
    })
    const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' }
    return new Response(body, { headers })
  }
}

function tokenize(tokenizer: Tokenizer, request: ParsedRequest): readonly (readonly number[])[] {
  if ('prompts' in request.input) return request.input.prompts.map((text) => promptIds(tokenizer, text))
  return [promptIds(tokenizer, tokenizer.chat(request.input.messages, true))]
}
