/** What was typed and what was answered, as a page of Markdown. */
import type { Names } from './names.ts'

/** A part of the page: prose, or a row of commands in one block. */
type Part = string | Typed[]

interface Typed {
  readonly prompt: string
  answer: string
}

export class Transcript {
  readonly #names: Names
  readonly #parts: Part[] = []
  readonly #onStep: (text: string) => void
  #withNotes = false

  /** @param onStep told of each step as it begins */
  constructor(names: Names, onStep: (text: string) => void) {
    this.#names = names
    this.#onStep = onStep
  }

  /** A heading or a paragraph. */
  say(text: string): void {
    this.#parts.push(text)
    this.#onStep(text)
  }

  /** Of the next command, what it says on standard error is shown too: the plan and the fee. */
  withNotes(): void {
    this.#withNotes = true
  }

  /** Takes down a command that begins now; it stands here, whenever it ends. @returns where its answer goes */
  command(who: string, args: readonly string[]): (stdout: string, stderr?: string) => void {
    const line = args.map((arg) => (/[\s{}|*?"'\\]/.test(arg) ? JSON.stringify(arg) : arg)).join(' ')
    const typed: Typed = { prompt: `${who}$ covey ${line}`, answer: '' }
    this.#onStep(this.#names.neutral(typed.prompt))
    const last = this.#parts.at(-1)
    if (Array.isArray(last)) last.push(typed)
    else this.#parts.push([typed])
    const notes = this.#withNotes
    this.#withNotes = false
    return (stdout, stderr = '') => {
      typed.answer = notes ? stderr + stdout : stdout
    }
  }

  /** A file that was written for the run. */
  file(name: string, text: string): void {
    this.#parts.push(`\`${name}\`:\n\n\`\`\`json\n${text.trim()}\n\`\`\``)
  }

  page(): string {
    const parts = this.#parts.map((part) => {
      if (typeof part === 'string') return part
      const lines = part.map(({ prompt, answer }) => `${prompt}\n${answer}`.trimEnd())
      return `\`\`\`\n${lines.join('\n')}\n\`\`\``
    })
    return `${this.#names.neutral(parts.join('\n\n'))}\n`
  }
}
