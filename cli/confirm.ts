/** Asks for a yes before something is done that cannot be undone. */
import { createInterface } from 'node:readline/promises'
import { CoveyError } from '../src/base/errors.ts'

export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly output: NodeJS.WritableStream
}

/**
 * @returns true for y or yes
 * @throws CoveyError E_ARGUMENT when nobody can be asked, E_ABORTED
 */
export async function confirm(
  question: string,
  signal: AbortSignal,
  { input, output }: Terminal = { input: process.stdin, output: process.stderr },
): Promise<boolean> {
  if (input.isTTY !== true) {
    throw new CoveyError('E_ARGUMENT', `${question} Nobody can be asked here: give --yes, or run in a terminal`)
  }
  const reader = createInterface({ input, output })
  try {
    return /^\s*y(es)?\s*$/i.test(await reader.question(`${question} [y/N] `, { signal }))
  } catch (cause) {
    throw new CoveyError('E_ABORTED', 'no answer was given; nothing was done', {}, { cause })
  } finally {
    reader.close()
  }
}
