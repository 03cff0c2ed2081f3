/**
 * Asks a teacher behind an OpenAI-compatible URL (https://platform.openai.com/docs/api-reference/chat/create). What comes
 * back is a stranger's: bounded, checked, and waited for no longer than agreed. The key goes to that host only: redirects
 * are not followed.
 */
import { z } from 'zod'
import { anySignal, throwIfAborted } from '../../src/base/abort.ts'
import { concatBytes, utf8 } from '../../src/base/bytes.ts'
import { CoveyError, isCoveyError, messageOf } from '../../src/base/errors.ts'
import type { Answered, Question } from '../../src/data/question.ts'
import { splitThinking } from '../../src/data/thinking.ts'
import { keepsSecrets } from '../../src/hub/http.ts'
import type { Clock } from '../../src/types/clock.ts'

export interface AskLimits {
  /** for one whole answer: a reasoning model writes for minutes. The platform's `fetch` waits no longer than 300 s for a first byte */
  readonly answer_ms: number
  /** of one answer; a completion of 100,000 tokens has half a MB */
  readonly answerBytes: number
  /** tries of one question */
  readonly attempts: number
  readonly backoff: { readonly first_ms: number; readonly most_ms: number }
}

export const ASK_LIMITS: AskLimits = {
  answer_ms: 300_000,
  answerBytes: 4 * 1024 * 1024,
  attempts: 6,
  backoff: { first_ms: 1_000, most_ms: 60_000 },
}

export interface RemoteTeacher {
  /** as `parseTeacherUrl` gives it */
  readonly url: string
  readonly model: string
  /** null: none is sent */
  readonly key: string | null
  readonly maxTokens: number
  /** of the teacher's own sampling; 0 = greedy */
  readonly temperature: number
  readonly limits: AskLimits
  readonly clock: Clock
  /** told before each wait for another try */
  readonly onRetry?: (reason: string, wait_ms: number) => void
}

export interface RemoteAnswer extends Answered {
  /** false: the answer was cut at its limit of tokens */
  readonly whole: boolean
}

/** Waits that a server asks for are kept up to here. */
const MAX_RETRY_AFTER_S = 300
/** A server's own words in a message. */
const MAX_WORDS = 200

const answerSchema = z.object({
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.string().nullish(), reasoning_content: z.string().nullish() }),
        finish_reason: z.string().nullish(),
      }),
    )
    .min(1),
})

/** `http://127.0.0.1:8080/v1`, as OpenAI's clients take it. @throws CoveyError E_CONFIG */
export function parseTeacherUrl(text: string): string {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.search !== '' || url.hash !== '')
    throw new CoveyError('E_CONFIG', '--teacher-url: expected an http(s) address like http://127.0.0.1:8080/v1')
  if (url.username !== '' || url.password !== '')
    throw new CoveyError('E_CONFIG', '--teacher-url: expected no user and password in it; set COVEY_TEACHER_KEY')
  return url.href.replace(/\/+$/, '')
}

/** True for an address whose texts others on the way can read. */
export const isPlain = (url: string): boolean => !keepsSecrets(url)

/** @throws CoveyError E_TEACHER after the last try | E_ABORTED */
export async function askTeacher(
  teacher: RemoteTeacher,
  question: Question,
  signal?: AbortSignal,
): Promise<RemoteAnswer> {
  const { attempts, backoff } = teacher.limits
  for (let failed = 1; ; failed++) {
    throwIfAborted(signal)
    try {
      return await askOnce(teacher, question, signal)
    } catch (error) {
      throwIfAborted(signal)
      if (!isCoveyError(error, 'E_TEACHER') || error.data.retryAfter_ms === undefined) throw error
      if (failed >= attempts)
        throw new CoveyError('E_TEACHER', `${error.message}; gave up after ${failed} tries`, {}, { cause: error })
      const growing = Math.min(backoff.first_ms * 2 ** (failed - 1), backoff.most_ms)
      const wait_ms = Math.max(Number(error.data.retryAfter_ms), growing)
      teacher.onRetry?.(error.message, wait_ms)
      await teacher.clock.sleep(wait_ms, signal)
    }
  }
}

/** E_TEACHER that another try may mend. */
const transient = (message: string, retryAfter_ms = 0, cause?: unknown): CoveyError =>
  new CoveyError('E_TEACHER', message, { retryAfter_ms }, cause === undefined ? {} : { cause })

async function askOnce(
  teacher: RemoteTeacher,
  question: Question,
  signal: AbortSignal | undefined,
): Promise<RemoteAnswer> {
  const { url, model, key, maxTokens: max_tokens, temperature, limits } = teacher
  const { host } = new URL(url)
  const messages = 'messages' in question ? question.messages : [{ role: 'user', content: question.prompt }]
  const late = AbortSignal.timeout(limits.answer_ms)
  try {
    const response = await fetch(`${url}/chat/completions`, {
      method: 'POST',
      redirect: 'manual',
      signal: anySignal([late, signal]),
      headers: {
        'content-type': 'application/json',
        'user-agent': 'covey',
        ...(key !== null && { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify({ model, messages, max_tokens, temperature, stream: false }),
    })
    const body = await readBody(response, limits.answerBytes, host)
    if (!response.ok) throw statusError(response, host, body, key !== null)
    return parseAnswer(body, host)
  } catch (error) {
    throwIfAborted(signal)
    if (late.aborted) throw transient(`${host}: no whole answer within ${limits.answer_ms / 1000} s`)
    if (error instanceof CoveyError) throw error
    // fetch says "fetch failed"; the reason is underneath
    const { cause = error } = error as { cause?: unknown }
    throw transient(`${host}: ${printable(messageOf(cause)) || 'the connection failed'}`, 0, error)
  }
}

async function readBody(response: Response, most: number, host: string): Promise<string> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > most) throw new CoveyError('E_TEACHER', `${host}: expected an answer of at most ${most} bytes, got more`)
    parts.push(chunk)
  }
  try {
    return utf8.decode(concatBytes(parts))
  } catch {
    throw transient(`${host}: expected UTF-8 text`)
  }
}

function statusError(response: Response, host: string, body: string, withKey: boolean): CoveyError {
  const { status } = response
  const said = z.object({ error: z.object({ message: z.string() }) }).safeParse(json(body)).data?.error.message ?? ''
  const words = said === '' ? '' : ` (${printable(said)})`
  if ([408, 409, 425, 429].includes(status) || status >= 500) {
    const seconds = Number(response.headers.get('retry-after') ?? 0)
    const wait = Number.isFinite(seconds) ? Math.min(Math.max(0, seconds), MAX_RETRY_AFTER_S) * 1000 : 0
    return transient(`${host} answered ${status}${words}`, wait)
  }
  const why =
    status === 401 || status === 403
      ? withKey
        ? 'refuses the key of COVEY_TEACHER_KEY'
        : 'wants a key: set COVEY_TEACHER_KEY'
      : status >= 300 && status < 400
        ? `answered ${status}, which leads elsewhere: give the address itself`
        : `answered ${status}`
  return new CoveyError('E_TEACHER', `${host} ${why}${words}`, { status })
}

function parseAnswer(body: string, host: string): RemoteAnswer {
  const parsed = answerSchema.safeParse(json(body))
  const [choice] = parsed.data?.choices ?? []
  // a proxy on the way may have given its own page
  if (choice === undefined)
    throw transient(`${host}: expected {"choices": [{"message": {"content": text}}]}, got something else`)
  const { content, reasoning_content: apart } = choice.message
  // servers that do not take the thinking apart leave it in the text
  const inside = apart == null ? splitThinking('', content ?? '') : null
  const text = (inside?.answer ?? content ?? '').replace(/^\n+/, '')
  return { text, thinking: apart ?? inside?.thinking ?? null, whole: choice.finish_reason !== 'length' }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** A stranger's text for a terminal: one short line, no control characters. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, MAX_WORDS)
}
