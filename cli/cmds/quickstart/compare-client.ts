/** Starts compare-worker.ts and waits for what it has trained. */
import { fork } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import { fileURLToPath } from 'node:url'
import { CoveyError } from '../../../src/base/errors.ts'
import type { Precision } from '../../../src/types/engine.ts'
import type { TaskSpec } from '../../../src/types/spec.ts'
import type { Comparison } from './compare.ts'
import type { Shards } from './shards.ts'

export interface CompareOrder {
  readonly modelDir: string
  readonly spec: TaskSpec
  readonly shards: Shards
  readonly rounds: number
  readonly proposers: number
  readonly seed: number
  readonly precision: Precision
}

export type CompareAnswer =
  | { readonly say: string }
  | { readonly comparison: Comparison; readonly rssMb: number }
  | { readonly error: string }

export interface Comparing {
  readonly result: Promise<Comparison>
  rssMb(): number
  stop(): void
}

const WORKER = fileURLToPath(new URL('./compare-worker.ts', import.meta.url))

/** `result` rejects with E_ENGINE when the training fails or the process dies. */
export function startComparison(order: CompareOrder, say: (text: string) => void): Comparing {
  // typed arrays travel as they are
  const child = fork(WORKER, [], { serialization: 'advanced', execArgv: ['--disable-warning=ExperimentalWarning'] })
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW)
  let rssMb = 0
  const result = new Promise<Comparison>((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new CoveyError('E_ENGINE', `the comparison could not be trained: ${why}`))
    child.on('message', (answer: CompareAnswer) => {
      if ('say' in answer) say(answer.say)
      else if ('error' in answer) fail(answer.error)
      else {
        rssMb = answer.rssMb
        resolve(answer.comparison)
      }
    })
    child.once('error', (error) => fail(error.message))
    child.once('exit', (code, signal) => fail(`its process ended with ${signal ?? code}`))
  })
  // whoever awaits it sees the failure
  result.catch(() => undefined)
  child.send(order)
  return { result, rssMb: () => rssMb, stop: () => void child.kill() }
}
