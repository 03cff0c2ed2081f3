/** A runtime for threads that blocks like a native call: until a word is set, or for longer than any test waits. */
import type { Opened } from '../../src/engine/threads/methods.ts'
import type { ThreadSetup } from '../../src/engine/threads/protocol.ts'

export interface BlockingSetup extends ThreadSetup {
  /** 0: calls that began; 1: set to 1, those that block return; 2: 1 when the runtime was closed */
  readonly words: Int32Array
}

const BLOCKED_MS = 600_000

export async function open({ words }: BlockingSetup): Promise<Opened> {
  return {
    runtime: 'blocking',
    methods: {
      step: () => {
        Atomics.add(words, 0, 1)
        Atomics.wait(words, 1, 0, BLOCKED_MS)
        return 'done'
      },
      close: () => void Atomics.store(words, 2, 1),
    },
  }
}
