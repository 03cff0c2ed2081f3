/**
 * What a command prints. For people: lines on standard output, progress and errors on standard error. With `--json`:
 * standard output carries JSON only. Secrets that were registered never appear in either.
 */
import { CoveyError, ERROR_CODES, isCoveyError, messageOf } from '../src/base/errors.ts'
import { formatAmount } from '../src/ledger/amount.ts'

export interface Streams {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean }
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean }
}

/** Shorter ones would blot out ordinary words. */
const MIN_SECRET_CHARS = 4

export class Output {
  readonly json: boolean
  readonly #wei: boolean
  readonly #streams: Streams
  readonly #secrets = new Set<string>()
  #progressShown = false

  /** @param wei amounts in wei, for those who asked for it */
  constructor(json: boolean, streams: Streams = process, wei = false) {
    this.json = json
    this.#wei = wei
    this.#streams = streams
  }

  /** From now on `***` stands for this text wherever it would be printed. */
  hide(secret: string): void {
    if (secret.length >= MIN_SECRET_CHARS) this.#secrets.add(secret)
  }

  /** An amount of tokens for people: `12.5 COVEY`; whole wei with --wei. */
  amount(wei: bigint): string {
    return this.#wei ? `${wei} wei` : formatAmount(wei)
  }

  /** One line for people; nothing with --json. */
  line(text = ''): void {
    if (this.json) return
    this.#endProgress()
    this.#streams.stdout.write(`${this.#redact(text)}\n`)
  }

  /** Text without a line end, as it comes: the words of an answer. */
  write(text: string): void {
    if (!this.json) this.#streams.stdout.write(this.#redact(text))
  }

  /** A line on standard error that replaces the one before it; only where someone is looking. */
  progress(text: string): void {
    if (this.json || !this.#streams.stderr.isTTY) return
    this.#streams.stderr.write(`\r\x1b[2K${this.#redact(text)}`)
    this.#progressShown = true
  }

  /** A remark that is no result, on standard error. */
  note(text: string): void {
    this.#endProgress()
    this.#streams.stderr.write(`${this.#redact(text)}\n`)
  }

  /** One JSON line of a command that goes on; nothing for people. */
  event(value: object): void {
    if (this.json) this.#streams.stdout.write(`${this.#redact(toJson(value))}\n`)
  }

  /** The command's result: one JSON object with --json; people have seen it already. */
  result(value: unknown): void {
    this.#endProgress()
    if (this.json && value !== undefined) this.#streams.stdout.write(`${this.#redact(toJson(value))}\n`)
  }

  /** What went wrong, what to do, and the code: on standard error, and as {error} on standard output with --json. */
  error(error: unknown): void {
    this.#endProgress()
    const { code, message, remedy } = explain(error)
    this.#streams.stderr.write(`${this.#redact(`error: ${message}\n  to do: ${remedy}\n  code: ${code}`)}\n`)
    if (this.json) this.#streams.stdout.write(`${this.#redact(toJson({ error: { code, message, remedy } }))}\n`)
  }

  #endProgress(): void {
    if (this.#progressShown) this.#streams.stderr.write('\r\x1b[2K')
    this.#progressShown = false
  }

  #redact(text: string): string {
    let out = text
    for (const secret of this.#secrets) out = out.replaceAll(secret, '***')
    return out
  }
}

/** Amounts are bigint inside and decimal text in JSON, which has no integers of that size. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) => (typeof v === 'bigint' ? v.toString() : v))
}

/** An error as people can use it. */
export function explain(error: unknown): { readonly code: string; readonly message: string; readonly remedy: string } {
  const known = isCoveyError(error) ? error : new CoveyError('E_INTERNAL', messageOf(error))
  // what was raised may know better than its code: each refusal of a contract has its own remedy
  const { remedy } = known.data
  return {
    code: known.code,
    message: known.message,
    remedy: typeof remedy === 'string' ? remedy : ERROR_CODES[known.code][1],
  }
}

/** An address without what may be secret in it: user, password, path and query (hosted RPCs put their key there). */
export function publicUrl(url: string): string {
  const parsed = URL.parse(url)
  if (parsed === null) return '(not a URL)'
  return `${parsed.protocol}//${parsed.host}${parsed.pathname.length > 1 || parsed.search ? '/…' : ''}`
}
