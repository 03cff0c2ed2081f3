/** Asserts that something fails with one of Covey's codes, and gives the error back for a look at its message. */
import { expect } from 'chai'
import { CoveyError, type ErrorCode } from '../../src/base/errors.ts'

export async function expectRejects(work: () => unknown, code: ErrorCode, message?: RegExp): Promise<CoveyError> {
  let error: unknown
  try {
    await work()
  } catch (thrown) {
    error = thrown
  }
  expect(error, `expected ${code}, nothing was thrown`).to.be.instanceOf(CoveyError)
  const covey = error as CoveyError
  expect(covey.code, covey.message).to.equal(code)
  if (message) expect(covey.message).to.match(message)
  return covey
}

/** `expectRejects` for what throws at once. */
export function expectThrows(work: () => unknown, code: ErrorCode): void {
  let error: unknown
  try {
    work()
  } catch (thrown) {
    error = thrown
  }
  expect(error, `expected ${code}, nothing was thrown`).to.be.instanceOf(CoveyError)
  expect((error as CoveyError).code, (error as CoveyError).message).to.equal(code)
}
