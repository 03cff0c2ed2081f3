/** The code of the CoveyError that a promise rejects with; `null` when it resolves. Other errors pass through. */
import { isCoveyError } from '../../src/base/errors.ts'

export async function codeOf(work: Promise<unknown>): Promise<string | null> {
  try {
    await work
    return null
  } catch (error) {
    if (isCoveyError(error)) return error.code
    throw error
  }
}
