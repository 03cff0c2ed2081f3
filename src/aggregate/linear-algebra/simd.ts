/**
 * The kernel of kernel.wat in a memory of its own. Every machine that Node runs on has it (SSE4.1, NEON) unless WebAssembly or its
 * vectors were switched off; then there is none, and the plain loops give the same bits in several times the time.
 */
import { KERNEL } from './generated/kernel.ts'

/** What is used of the global, which neither the language's types nor Node's have. */
declare namespace WebAssembly {
  class Memory {
    constructor(size: { readonly initial: number })
    readonly buffer: ArrayBuffer
    grow(pages: number): number
  }
  class Module {
    constructor(bytes: Uint8Array)
  }
  class Instance {
    constructor(module: Module, imports: object)
    readonly exports: unknown
  }
}

interface Exports {
  cross(x: number, y: number, between: number, groups: number, length: number, sums: number): void
  crossSingle(x: number, y: number, between: number, groups: number, length: number, sums: number): void
  project(
    values: number,
    between: number,
    position: number,
    step: number,
    positions: number,
    r: number,
    rows: number,
    rank: number,
    v: number,
    out: number,
    apart: number,
  ): void
}

/** Bytes of one number of a group: rows that the kernel takes together. */
export const GROUP_BYTES = 32
/** Rows of a group of float64, and bytes of its sums with another. */
export const GROUP = 4
export const SUMS_BYTES = 8 * GROUP * GROUP
/** The same of float32; sums are float64 here, too. `crossSingle` takes half of a group against others at once. */
export const SINGLE_GROUP = 8
export const SINGLE_SUMS_BYTES = 8 * SINGLE_GROUP * SINGLE_GROUP

const PAGE = 65_536

export interface Kernel extends Exports {
  /** At least so many bytes, zero where nothing was written since; what was there stays. */
  reserve(bytes: number): ArrayBuffer
}

let compiled: WebAssembly.Module | null | undefined

/** Null where there is none. Its memory is given back with it. */
export function openKernel(): Kernel | null {
  compiled ??= compile()
  if (compiled === null) return null
  const memory = new WebAssembly.Memory({ initial: 1 })
  const exports = new WebAssembly.Instance(compiled, { covey: { memory } }).exports as Exports
  return {
    ...exports,
    reserve(bytes) {
      const missing = Math.ceil(bytes / PAGE) - memory.buffer.byteLength / PAGE
      if (missing > 0) memory.grow(missing)
      return memory.buffer
    },
  }
}

function compile(): WebAssembly.Module | null {
  try {
    return new WebAssembly.Module(Buffer.from(KERNEL, 'base64'))
  } catch {
    // no WebAssembly, or none with vectors
    return null
  }
}
