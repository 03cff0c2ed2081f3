/**
 * What clients send, checked: the parts of OpenAI's API that mean something for a small model on one's own machine
 * (https://platform.openai.com/docs/api-reference/chat/create, .../completions/create). Fields that would change the
 * answer and are not supported are refused by name; others are ignored, since clients send many that do not matter here.
 */
import { z } from 'zod'
import { CoveyError } from '../base/errors.ts'
import type { ChatMessage } from '../types/data.ts'
import type { ServeLimits } from './limits.ts'

/** A request of either kind, in one shape. */
export interface ParsedRequest {
  readonly model: string | undefined
  /** texts to continue, or one conversation */
  readonly input: { readonly prompts: readonly string[] } | { readonly messages: readonly ChatMessage[] }
  /** null = as many as fit */
  readonly maxTokens: number | null
  readonly temperature: number
  readonly topP: number
  readonly seed: number | undefined
  readonly stops: readonly string[]
  readonly stream: boolean
  readonly includeUsage: boolean
}

/** OpenAI's default for /v1/completions */
const COMPLETION_MAX_TOKENS = 16
const MAX_MESSAGES = 1024

/** Accepts the value that changes nothing, refuses the others. */
const only = (allowed: readonly unknown[], what: string) =>
  z
    .unknown()
    .refine((value) => value === null || allowed.includes(value), {
      error: `${what} is not supported; leave it out or send ${JSON.stringify(allowed[0])}`,
    })
    .optional()

const emptyList = (what: string) =>
  z
    .unknown()
    .refine((value) => value === null || (Array.isArray(value) && value.length === 0), {
      error: `${what} is not supported; leave it out`,
    })
    .optional()

const tokens = z.number().int().min(1).nullish()

const shared = (limits: ServeLimits) => ({
  model: z.string().max(256).optional(),
  max_tokens: tokens,
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  seed: z.number().int().min(-Number.MAX_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER).nullish(),
  stop: z
    .union([stopText(limits), z.array(stopText(limits)).max(limits.maxStops)], {
      error: `expected a string or at most ${limits.maxStops} strings, each of 1 to ${limits.maxStopChars} characters`,
    })
    .nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  n: only([1], 'more than one answer for a prompt'),
  presence_penalty: only([0], 'a presence penalty'),
  frequency_penalty: only([0], 'a frequency penalty'),
})

const stopText = (limits: ServeLimits) => z.string().min(1).max(limits.maxStopChars)

const part = z.object({ type: z.literal('text'), text: z.string() })
const message = z
  .object({
    role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
    content: z
      .union([z.string(), z.array(part)], { error: "expected a string or a list of {type: 'text', text} parts" })
      .nullish(),
  })
  .transform(
    ({ role, content }): ChatMessage => ({
      // OpenAI's newer name for the same role
      role: role === 'developer' ? 'system' : role,
      content: typeof content === 'string' ? content : (content ?? []).map((p) => p.text).join(''),
    }),
  )

const chatSchema = (limits: ServeLimits) =>
  z.object({
    ...shared(limits),
    messages: z.array(message).min(1).max(MAX_MESSAGES),
    max_completion_tokens: tokens,
    logprobs: only([false], 'logprobs'),
    tools: emptyList('calling tools'),
    functions: emptyList('calling functions'),
    response_format: z
      .unknown()
      .refine((format) => format === null || (format as { type?: unknown } | undefined)?.type === 'text', {
        error: 'a response format other than text is not supported; leave it out',
      })
      .optional(),
  })

const completionSchema = (limits: ServeLimits) =>
  z.object({
    ...shared(limits),
    prompt: z.union([z.string(), z.array(z.string()).min(1).max(limits.maxPrompts)], {
      error: `expected a string or 1 to ${limits.maxPrompts} strings`,
    }),
    best_of: only([1], 'best_of'),
    echo: only([false], 'echo'),
    suffix: only([''], 'a suffix'),
    logprobs: only([0], 'logprobs'),
  })

/** @throws CoveyError E_REQUEST with data.param */
export function parseChat(body: unknown, limits: ServeLimits): ParsedRequest {
  const r = check(chatSchema(limits), body)
  return {
    ...common(r),
    input: { messages: r.messages },
    maxTokens: r.max_completion_tokens ?? r.max_tokens ?? null,
  }
}

/** @throws CoveyError E_REQUEST with data.param */
export function parseCompletion(body: unknown, limits: ServeLimits): ParsedRequest {
  const r = check(completionSchema(limits), body)
  return {
    ...common(r),
    input: { prompts: typeof r.prompt === 'string' ? [r.prompt] : r.prompt },
    maxTokens: r.max_tokens ?? COMPLETION_MAX_TOKENS,
  }
}

function common(r: z.infer<z.ZodObject<ReturnType<typeof shared>>>): Omit<ParsedRequest, 'input' | 'maxTokens'> {
  return {
    model: r.model,
    temperature: r.temperature ?? 1,
    topP: r.top_p ?? 1,
    seed: r.seed ?? undefined,
    stops: typeof r.stop === 'string' ? [r.stop] : (r.stop ?? []),
    stream: r.stream ?? false,
    includeUsage: r.stream_options?.include_usage ?? false,
  }
}

function check<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const param = issue === undefined ? null : pathText(issue.path)
  throw new CoveyError('E_REQUEST', `${param || 'body'}: ${issue?.message ?? 'not valid'}`, { param: param || null })
}

/** `messages[0].role` */
function pathText(path: readonly PropertyKey[]): string {
  return path.map((p, i) => (typeof p === 'number' ? `[${p}]` : `${i > 0 ? '.' : ''}${String(p)}`)).join('')
}
