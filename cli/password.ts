/** The password of the key files: from --password-file, else COVEY_PASSWORD, else asked for on a terminal. */
import { readFile } from 'node:fs/promises'
import { CoveyError, messageOf } from '../src/base/errors.ts'
import type { CommandContext } from './command.ts'

/** Enough for a passphrase; a larger file is not one. */
const MAX_PASSWORD_BYTES = 1024
const CTRL_C = '\u0003'
const CTRL_D = '\u0004'

/**
 * @param confirm asks twice on a terminal: for new key files
 * @throws CoveyError E_PASSWORD | E_ABORTED
 */
export async function readPassword(file: string | null, context: CommandContext, confirm = false): Promise<string> {
  return readSecret(
    { file, option: '--password-file', env: 'COVEY_PASSWORD', prompt: 'Password of the key files: ', confirm },
    context,
  )
}

/** Where a secret may come from, in this order; never from the command line, which other processes can see. */
export interface SecretPlaces {
  readonly file: string | null
  /** what the command line calls the file */
  readonly option: string
  /** null: not from the environment */
  readonly env: string | null
  readonly prompt: string
  /** asks twice on a terminal */
  readonly confirm?: boolean
  /** a line of standard input, when that is no terminal */
  readonly stdin?: boolean
}

/** Never printed from then on. @throws CoveyError E_PASSWORD | E_ABORTED */
export async function readSecret(places: SecretPlaces, context: CommandContext): Promise<string> {
  const secret = await findSecret(places, context)
  if (secret === '') throw new CoveyError('E_PASSWORD', 'the password is empty; give one with at least one character')
  context.output.hide(secret)
  return secret
}

async function findSecret(
  { file, option, env, prompt, confirm = false, stdin = false }: SecretPlaces,
  context: CommandContext,
): Promise<string> {
  if (file !== null) {
    try {
      const bytes = await readFile(file)
      if (bytes.byteLength > MAX_PASSWORD_BYTES) {
        throw new CoveyError(
          'E_PASSWORD',
          `${file}: expected at most ${MAX_PASSWORD_BYTES} bytes, got ${bytes.byteLength}`,
        )
      }
      // editors end a file with a line end, which nobody means as part of a password
      return bytes.toString('utf8').replace(/\r?\n$/, '')
    } catch (cause) {
      if (cause instanceof CoveyError) throw cause
      throw new CoveyError('E_PASSWORD', `${option} ${file} could not be read: ${messageOf(cause)}`, {}, { cause })
    }
  }
  const given = env === null ? undefined : context.env[env]
  if (given !== undefined) return given
  if (!process.stdin.isTTY) {
    if (stdin) return firstLine(process.stdin)
    const ways = [`${option} FILE`, ...(env === null ? [] : [env])].join(' or ')
    throw new CoveyError('E_PASSWORD', `the key files need a password: give ${ways}, or run in a terminal`)
  }
  const password = await ask(prompt, context.signal)
  if (confirm && (await ask('The same again: ', context.signal)) !== password) {
    throw new CoveyError('E_PASSWORD', 'the two passwords differ; nothing was written')
  }
  return password
}

async function firstLine(stream: AsyncIterable<Buffer | string>): Promise<string> {
  let text = ''
  for await (const part of stream) {
    text += part.toString()
    if (text.includes('\n') || text.length > MAX_PASSWORD_BYTES) break
  }
  return (text.split(/\r?\n/, 1)[0] ?? '').slice(0, MAX_PASSWORD_BYTES)
}

/** Reads a line from the terminal without showing it. */
function ask(prompt: string, signal: AbortSignal): Promise<string> {
  const { stdin } = process
  process.stderr.write(prompt)
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  stdin.resume()
  return new Promise<string>((resolve, reject) => {
    let typed = ''
    const end = (act: () => void): void => {
      stdin.off('data', onData)
      signal.removeEventListener('abort', onAbort)
      stdin.setRawMode(false)
      stdin.pause()
      process.stderr.write('\n')
      act()
    }
    const onAbort = (): void => end(() => reject(new CoveyError('E_ABORTED', 'no password was given')))
    const onData = (chunk: string): void => {
      for (const key of chunk) {
        if (key === '\r' || key === '\n') {
          end(() => resolve(typed))
          return
        }
        if (key === CTRL_C || key === CTRL_D) {
          onAbort()
          return
        }
        typed = key === '\u007f' || key === '\b' ? typed.slice(0, -1) : typed + key
      }
    }
    signal.addEventListener('abort', onAbort, { once: true })
    stdin.on('data', onData)
  })
}
