/**
 * Records to examples: by `{field}` templates, or as they are when they hold `messages` (chat) or `prompt` and
 * `completion`.
 *
 *   const toExample = exampleMaker({ prompt: 'Utterance: {text}\nIntent:', completion: ' {intent}', partitionBy: 'domain' }, tokenizer)
 */
import { CoveyError } from '../base/errors.ts'
import type { ChatMessage, Example, Tokenizer } from '../types/data.ts'
import type { BadLine, DataRecord, RecordFile } from './records.ts'
import { splitThinking, unopened, withThinking } from './thinking.ts'

export interface TemplateOptions {
  /** `Utterance: {text}\nIntent:`; null for chat and prompt/completion records; `{{` and `}}` stand for braces */
  readonly prompt: string | null
  readonly completion: string | null
  /**
   * what is thought before the answer, in front of which it goes; null where records say it themselves: a completion that
   * holds `<think>…</think>`, a `thinking` beside `prompt` and `completion`, a message with `reasoning_content`
   */
  readonly thinking?: string | null
  /** a field; null = everything is one partition */
  readonly partitionBy: string | null
}

/** A piece of text, or the name of a field. */
type Part = { readonly text: string } | { readonly field: string }

/** Longer chats are transcripts of something else. */
const MAX_MESSAGES = 1000
const ROLES: ReadonlySet<string> = new Set(['system', 'user', 'assistant', 'tool'])
/** Share of records that may lack a field or be malformed; a file with more is read with the wrong template. */
const MAX_BAD_SHARE = 0.1
const MAX_LISTED = 20
/** The name of the one partition when no field is named. */
const ALL = 'all'

/** Field names may hold dots for objects inside objects: `{answer.text}`. @throws CoveyError E_TEMPLATE */
export function parseTemplate(template: string, name: string): readonly Part[] {
  const parts: Part[] = []
  let text = ''
  for (let i = 0; i < template.length; i++) {
    const c = template[i] as string
    if ((c === '{' || c === '}') && template[i + 1] === c) {
      text += c
      i++
    } else if (c === '{') {
      const end = template.indexOf('}', i)
      const field = end < 0 ? '' : template.slice(i + 1, end).trim()
      if (field === '' || field.includes('{')) {
        throw new CoveyError(
          'E_TEMPLATE',
          `${name}: expected {field} at character ${i + 1}; write {{ for a brace itself`,
          { name, at: i + 1 },
        )
      }
      if (text !== '') parts.push({ text })
      parts.push({ field })
      text = ''
      i = end
    } else if (c === '}') {
      throw new CoveyError(
        'E_TEMPLATE',
        `${name}: a } without its { at character ${i + 1}; write }} for a brace itself`,
        {
          name,
          at: i + 1,
        },
      )
    } else {
      text += c
    }
  }
  if (text !== '') parts.push({ text })
  return parts
}

function valueAt(record: DataRecord, field: string): unknown {
  if (Object.hasOwn(record, field)) return record[field]
  let value: unknown = record
  for (const key of field.split('.')) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, key)) return undefined
    value = (value as DataRecord)[key]
  }
  return value
}

/** The record's field names for a message: enough of them to see the mistake. */
export function fieldNames(record: DataRecord): string {
  const names = Object.keys(record)
  const shown = names.slice(0, MAX_LISTED).map((name) => (name.length > 40 ? `${name.slice(0, 40)}...` : name))
  if (names.length > MAX_LISTED) shown.push(`${names.length - MAX_LISTED} more`)
  return shown.join(', ') || 'none'
}

/** A field as text: strings as they are, everything else as JSON. Undefined and null are absent. */
function textAt(record: DataRecord, field: string): string {
  const value = valueAt(record, field)
  if (value === undefined || value === null) {
    throw new CoveyError('E_TEMPLATE', `no field "${field}"; the record has: ${fieldNames(record)}`, { field })
  }
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** A record's text by a template. @throws CoveyError E_TEMPLATE */
export const fill = (parts: readonly Part[], record: DataRecord): string =>
  parts.map((part) => ('text' in part ? part.text : textAt(record, part.field))).join('')

const malformed = (what: string): CoveyError => new CoveyError('E_DATA_FORMAT', what)

/**
 * How to make an example of a record.
 * @param tokenizer needed for records with `messages` only
 * @returns a function that throws E_TEMPLATE (a field is missing; the fields that exist are named) or E_DATA_FORMAT
 * @throws CoveyError E_TEMPLATE when a template cannot be parsed or only one of the two is given
 */
export function exampleMaker(options: TemplateOptions, tokenizer: Tokenizer | null): (record: DataRecord) => Example {
  const { prompt, completion, thinking = null, partitionBy } = options
  if ((prompt === null) !== (completion === null)) {
    throw new CoveyError('E_TEMPLATE', 'expected both a prompt and a completion template, or neither', {})
  }
  const thinkingParts = thinking === null ? null : parseTemplate(thinking, 'thinking template')
  if (thinkingParts && !thinkingParts.some((part) => 'field' in part)) {
    throw new CoveyError('E_TEMPLATE', 'thinking template: expected at least one {field}: a fixed text teaches nothing')
  }
  const thought = (record: DataRecord): string | null => thinkingParts && fill(thinkingParts, record)
  const partition = (record: DataRecord): string => (partitionBy === null ? ALL : textAt(record, partitionBy))
  if (prompt !== null && completion !== null) {
    const promptParts = parseTemplate(prompt, 'prompt template')
    const completionParts = parseTemplate(completion, 'completion template')
    if (!completionParts.some((part) => 'field' in part)) {
      throw new CoveyError(
        'E_TEMPLATE',
        'completion template: expected at least one {field}: a fixed text teaches nothing',
      )
    }
    return (record) =>
      exampleOf(fill(promptParts, record), fill(completionParts, record), thought(record), partition(record))
  }
  return (record) => {
    if (record.messages !== undefined) {
      const [text, answer] = chatTexts(record.messages, tokenizer, thought(record))
      return { prompt: text, completion: answer, partition: partition(record) }
    }
    const { prompt: p, completion: c, thinking: t } = record
    if (typeof p === 'string' && typeof c === 'string') {
      const own = typeof t === 'string' ? t : null
      return exampleOf(p, c, thought(record) ?? own, partition(record))
    }
    throw new CoveyError(
      'E_TEMPLATE',
      `expected "messages", or "prompt" and "completion"; the record has: ${fieldNames(record)}; name its fields with --prompt and --completion`,
    )
  }
}

function exampleOf(prompt: string, text: string, thinking: string | null, partition: string): Example {
  const completion = withThinking(prompt, text, thinking)
  if ((splitThinking(prompt, completion)?.answer ?? completion).trim() === '') {
    throw malformed('the completion is empty')
  }
  return { prompt, completion, partition }
}

export interface ChatTurns {
  /** all before the last turn of the assistant */
  readonly before: readonly ChatMessage[]
  /** that turn, without a thinking part */
  readonly answer: string
  /** what it brings along: as `reasoning_content`, or in its text */
  readonly thinking: string | null
}

/** A record's messages, checked. @throws CoveyError E_DATA_FORMAT */
export function chatMessages(value: unknown): readonly ChatMessage[] {
  if (!Array.isArray(value) || value.length > MAX_MESSAGES) {
    throw malformed(`messages: expected a list of at most ${MAX_MESSAGES}`)
  }
  return value.map((item: unknown, i): ChatMessage => {
    const { role, content, reasoning_content: thinking } = (item ?? {}) as Readonly<Record<string, unknown>>
    if (typeof role !== 'string' || !ROLES.has(role) || typeof content !== 'string') {
      throw malformed(`messages[${i}]: expected {"role": "system"|"user"|"assistant"|"tool", "content": text}`)
    }
    const message = { role: role as ChatMessage['role'], content }
    if (thinking === undefined || thinking === null) return message
    if (typeof thinking !== 'string') throw malformed(`messages[${i}]: expected "reasoning_content" to be a text`)
    return { ...message, reasoning_content: thinking }
  })
}

/** The last assistant turn is to be learnt, all before it is the prompt. @throws CoveyError E_DATA_FORMAT */
export function lastTurn(messages: readonly ChatMessage[]): ChatTurns {
  const last = messages.findLastIndex((message) => message.role === 'assistant')
  if (last < 0) throw malformed('messages: expected at least one of the assistant')
  const { content, reasoning_content: thinking } = messages[last] as ChatMessage
  const own = splitThinking('', content)
  const answer = own?.answer ?? content
  if (answer.trim() === '') throw malformed('messages: the last of the assistant is empty')
  return { before: messages.slice(0, last), answer, thinking: thinking ?? own?.thinking ?? null }
}

function chatTexts(
  value: unknown,
  tokenizer: Tokenizer | null,
  templated: string | null,
): readonly [prompt: string, completion: string] {
  if (tokenizer === null) throw new CoveyError('E_ARGUMENT', 'records with "messages" need a tokenizer')
  const { before, answer, thinking: own } = lastTurn(chatMessages(value))
  const thinking = templated ?? own
  const turn: ChatMessage = { role: 'assistant', content: answer }
  const said = thinking === null ? turn : { ...turn, reasoning_content: thinking }
  const prompt = tokenizer.chat(before, true)
  const whole = tokenizer.chat([...before, said], false)
  // with the template's own end of turn; a template that opens the turn in another way than it writes it gives the bare text
  const start = [prompt, unopened(prompt)].find((text) => whole.startsWith(text))
  const completion = start === undefined ? answer : whole.slice(start.length).trimEnd()
  // templates that do not know of thinking leave it out, others write it in their own way
  return [prompt, withThinking(prompt, completion, thinking && (tokenizer.plain?.(thinking) ?? thinking))]
}

export interface MadeFile<T> {
  readonly made: readonly T[]
  readonly badCount: number
  readonly bad: readonly BadLine[]
}

/**
 * What `make` makes of each record of a file; those that it refuses are reported and skipped.
 * @throws CoveyError E_TEMPLATE | E_DATA_FORMAT (more than 10 % are refused, with the first reasons), E_DATA_EMPTY
 */
export function makeOfEach<T>(
  file: Pick<RecordFile, 'records' | 'lines'>,
  make: (record: DataRecord) => T,
): MadeFile<T> {
  const made: T[] = []
  const bad: BadLine[] = []
  let badCount = 0
  let first: CoveyError | null = null
  file.records.forEach((record, i) => {
    try {
      made.push(make(record))
    } catch (error) {
      if (!(error instanceof CoveyError) || (error.code !== 'E_TEMPLATE' && error.code !== 'E_DATA_FORMAT')) throw error
      first ??= error
      badCount++
      if (bad.length < MAX_LISTED) bad.push({ line: file.lines[i] ?? i + 1, reason: error.message })
    }
  })
  const cause = first as CoveyError | null
  if (cause !== null && badCount > file.records.length * MAX_BAD_SHARE) {
    const listed = bad.slice(0, 3).map((b) => `line ${b.line}: ${b.reason}`)
    throw new CoveyError(
      cause.code,
      `${badCount} of ${file.records.length} records give no example: ${listed.join('; ')}`,
      { ...cause.data, badCount, bad },
      { cause },
    )
  }
  if (made.length === 0) throw new CoveyError('E_DATA_EMPTY', 'expected at least one record, got none')
  return { made, badCount, bad }
}

export interface ExampleFile {
  readonly examples: readonly Example[]
  readonly badCount: number
  readonly bad: readonly BadLine[]
}

/** All records of a file as examples. @throws CoveyError as `makeOfEach` and `exampleMaker` */
export function toExamples(
  file: Pick<RecordFile, 'records' | 'lines'>,
  options: TemplateOptions,
  tokenizer: Tokenizer | null,
): ExampleFile {
  const { made: examples, badCount, bad } = makeOfEach(file, exampleMaker(options, tokenizer))
  return { examples, badCount, bad }
}
