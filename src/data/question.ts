/** What a teacher is asked about a record, and the record that its answer makes. */
import { CoveyError } from '../base/errors.ts'
import type { ChatMessage } from '../types/data.ts'
import type { DataRecord } from './records.ts'
import { chatMessages, fieldNames, fill, parseTemplate } from './template.ts'

export type Question = { readonly prompt: string } | { readonly messages: readonly ChatMessage[] }

export interface Answered {
  readonly text: string
  readonly thinking: string | null
}

/**
 * How to ask about a record: its prompt, or its conversation up to the assistant's last turn.
 * @param prompt a template; null for records with `messages` or `prompt`. A completion is not needed.
 * @returns a function that throws E_TEMPLATE | E_DATA_FORMAT
 * @throws CoveyError E_TEMPLATE
 */
export function questionMaker(prompt: string | null): (record: DataRecord) => Question {
  const parts = prompt === null ? null : parseTemplate(prompt, 'prompt template')
  return (record) => {
    if (parts !== null) return { prompt: fill(parts, record) }
    if (record.messages !== undefined) {
      const messages = chatMessages(record.messages)
      const last = messages.findLastIndex((m) => m.role === 'assistant')
      // without an answer of its own the conversation is the question
      const before = last < 0 ? messages : messages.slice(0, last)
      if (before.length === 0)
        throw new CoveyError('E_DATA_FORMAT', 'messages: expected one before the assistant answers')
      return { messages: before }
    }
    if (typeof record.prompt === 'string') return { prompt: record.prompt }
    throw new CoveyError(
      'E_TEMPLATE',
      `expected "messages" or "prompt"; the record has: ${fieldNames(record)}; name its fields with --prompt`,
    )
  }
}

/**
 * The record to learn from, in a form that needs no template. An answer follows its prompt behind a space, as the words of
 * one text do: an assistant's turn begins without one.
 */
export function answeredRecord(question: Question, { text, thinking }: Answered): DataRecord {
  if ('messages' in question) {
    const said = { role: 'assistant', content: text }
    return { messages: [...question.messages, thinking === null ? said : { ...said, reasoning_content: thinking }] }
  }
  const { prompt } = question
  const completion = /\S$/.test(prompt) && /^\S/.test(text) ? ` ${text}` : text
  return { prompt, completion, ...(thinking !== null && { thinking }) }
}
