/** Gets the task's spec: from the disk, or from whoever announced it. Its sha256 is on chain, so anyone may serve it. */
import { CoveyError } from '../../src/base/errors.ts'
import type { TaskSpec } from '../../src/types/spec.ts'
import { MAX_SPEC_BYTES } from '../../src/wire/limits.ts'
import { decodeSpec } from '../../src/wire/spec.ts'
import type { NodeComponents } from '../context.ts'
import type { Providers } from '../providers.ts'

/** How often to look whether somebody announced it, ms. */
const LOOK_EVERY_MS = 300

/** @throws CoveyError E_SPEC | E_ABORTED */
export async function fetchSpec(
  parts: NodeComponents & { readonly providers: Providers },
  digest: string,
  signal: AbortSignal,
): Promise<TaskSpec> {
  const { store, transport, providers, clock, emit } = parts
  while (!(await store.blobs.has(digest))) {
    const size = providers.announcedSize(digest)
    if (size === undefined || size > MAX_SPEC_BYTES) {
      await clock.sleep(LOOK_EVERY_MS, signal)
      continue
    }
    const into = await store.blobs.partial(digest, size, MAX_SPEC_BYTES)
    try {
      await transport.pull({ digest, size, from: providers.of(digest), into, signal })
      emit({ event: 'pulled', round: 0, of: 'spec', digest, size, account: null })
    } catch (error) {
      if (signal.aborted) throw new CoveyError('E_ABORTED', 'stopped while waiting for the spec', {}, { cause: error })
      await clock.sleep(LOOK_EVERY_MS, signal)
    } finally {
      await into.close()
    }
  }
  return decodeSpec(await store.blobs.get(digest, MAX_SPEC_BYTES))
}
