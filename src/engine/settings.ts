import type { Precision } from '../types/engine.ts'

/** What holds for everything that an engine opens. */
export interface EngineSettings {
  /** of trainers that are opened without one; auto: what is faster on this machine, measured once (precision.ts) */
  readonly precision?: Precision | 'auto'
  /** how far the threads that compute stand back behind other work: 0 (not) to 19, as POSIX's nice. Linux only. */
  readonly nice?: number
}
