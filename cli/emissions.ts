/** What the commands about emissions share. */
import { CoveyError } from '../src/base/errors.ts'

/** The number of a lock or a task, as typed. @throws CoveyError E_CONFIG */
export function idOf(text: string, name: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text)
  const message = `${name}: expected its number, a whole one from 1 on, got ${JSON.stringify(text.slice(0, 80))}`
  throw new CoveyError('E_CONFIG', message)
}
