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
  const password = await findPassword(file, context, confirm)
  if (password === '') throw new CoveyError('E_PASSWORD', 'the password is empty; give one with at least one character')
  context.output.hide(password)
  return password
}

async function findPassword(file: string | null, context: CommandContext, confirm: boolean): Promise<string> {
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
      throw new CoveyError(
        'E_PASSWORD',
        `--password-file ${file} could not be read: ${messageOf(cause)}`,
        {},
        { cause },
      )
    }
  }
  const { COVEY_PASSWORD } = context.env
  if (COVEY_PASSWORD !== undefined) return COVEY_PASSWORD
  if (!process.stdin.isTTY) {
    const message = 'the key files need a password: give --password-file FILE or COVEY_PASSWORD, or run in a terminal'
    throw new CoveyError('E_PASSWORD', message)
  }
  const password = await ask('Password of the key files: ', context.signal)
  if (confirm && (await ask('The same again: ', context.signal)) !== password) {
    throw new CoveyError('E_PASSWORD', 'the two passwords differ; nothing was written')
  }
  return password
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
