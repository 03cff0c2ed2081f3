/** Asks on a terminal, as often as it takes. */
import { createInterface } from 'node:readline/promises'
import { CoveyError, isCoveyError, messageOf } from '../../../src/base/errors.ts'
import type { Ask } from './guide.ts'

/** @throws CoveyError E_ARGUMENT when nobody can be asked, E_ABORTED */
export function askOnTerminal(signal: AbortSignal): Ask {
  return async (question, fallback, parse) => {
    const { stdin: input, stderr: output } = process
    if (input.isTTY !== true)
      throw new CoveyError(
        'E_ARGUMENT',
        '--guide asks questions: run it in a terminal, or write the task file yourself',
      )
    const reader = createInterface({ input, output })
    try {
      for (;;) {
        const answer = (
          await reader.question(`${question}${fallback === '' ? '' : ` [${fallback}]`}: `, { signal })
        ).trim()
        try {
          return parse(answer === '' ? fallback : answer)
        } catch (error) {
          output.write(`  ${messageOf(error)}\n`)
        }
      }
    } catch (cause) {
      if (isCoveyError(cause)) throw cause
      throw new CoveyError('E_ABORTED', 'no answer was given; nothing was written', {}, { cause })
    } finally {
      reader.close()
    }
  }
}
