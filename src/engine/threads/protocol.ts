/** What passes between the engine and its threads. Everything here survives structured cloning. */
import type { ErrorCode } from '../../base/errors.ts'

/** What every thread is told; a runtime adds its own. */
export interface ThreadSetup {
  readonly kind: 'train' | 'infer'
  /** as POSIX's nice, from 0 */
  readonly nice: number
}

export interface Start {
  /** URL of the runtime's module: it exports `open(setup)` */
  readonly opener: string
  readonly setup: ThreadSetup
}

export interface Request {
  readonly id: number
  readonly method: string
  readonly args: readonly unknown[]
  /** the word of a `Cancel`: nobody may want the answer any more when its turn comes */
  readonly cancel: Int32Array
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | {
      readonly id: number
      readonly error: {
        readonly code: ErrorCode
        readonly message: string
        readonly data: Readonly<Record<string, unknown>>
      }
    }
