/** What the commands about emissions share. */
import { CoveyError } from '../src/base/errors.ts'
import type { EmissionTarget } from '../src/types/emissions.ts'
import { integer, option } from './command.ts'

/** The number of a lock or a task, as typed. @throws CoveyError E_CONFIG */
export function idOf(text: string, name: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text)
  const message = `${name}: expected its number, a whole one from 1 on, got ${JSON.stringify(text.slice(0, 80))}`
  throw new CoveyError('E_CONFIG', message)
}

/** What a weight is for. */
export const targetOptions = {
  task: option('--task <id>', 'the task whose pool the weight is for', integer(1), null),
  arena: option('--arena <id>', 'the arena whose pool the weight is for', integer(1), null),
}

/** The one that was named. @throws CoveyError E_CONFIG */
export function targetOf(task: number | null, arena: number | null): EmissionTarget {
  if (task !== null && arena === null) return { kind: 'task', id: task }
  if (arena !== null && task === null) return { kind: 'arena', id: arena }
  const message = `--task or --arena: name the one that the weight is for${task === null ? '' : ', not both'}`
  throw new CoveyError('E_CONFIG', message)
}
