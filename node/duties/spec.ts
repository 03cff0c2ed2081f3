/** Gets the task's spec: from the disk, or from whoever announced it. Its sha256 is on chain, so anyone may serve it. */
import { CoveyError } from '../../src/base/errors.ts'
import type { BaseModel } from '../../src/types/model.ts'
import type { TaskSpec } from '../../src/types/spec.ts'
import { MAX_SPEC_BYTES } from '../../src/wire/limits.ts'
import { decodeSpec } from '../../src/wire/spec.ts'
import type { NodeComponents } from '../context.ts'
import type { Providers } from '../providers.ts'
import { pullWithin } from './blobs.ts'

/** How often to look whether somebody announced it, ms. */
const LOOK_EVERY_MS = 300
/** A spec is at most 64 KiB: who takes longer is no better than the next, ms. */
const SPEC_TIMEOUT_MS = 5_000

/** @throws CoveyError E_SPEC | E_ABORTED */
export async function fetchSpec(
  parts: NodeComponents & { readonly providers: Providers },
  digest: string,
  signal: AbortSignal,
): Promise<TaskSpec> {
  const { store, providers, clock, emit } = parts
  // the size is hearsay: each that somebody said is tried in turn, so that a liar costs one attempt
  for (let attempt = 0; !(await store.blobs.has(digest)); attempt++) {
    const sizes = providers.sizes(digest).filter((size) => size <= MAX_SPEC_BYTES)
    const size = sizes[attempt % Math.max(1, sizes.length)]
    if (size === undefined) {
      await clock.sleep(LOOK_EVERY_MS, signal)
      continue
    }
    const into = await store.blobs.partial(digest, size, MAX_SPEC_BYTES)
    try {
      await pullWithin(parts, { digest, size, from: providers.of(digest, size), into }, SPEC_TIMEOUT_MS, signal)
      emit({ event: 'pulled', round: 0, of: 'spec', digest, size, account: null })
    } catch (error) {
      if (signal.aborted) throw new CoveyError('E_ABORTED', 'stopped while waiting for the spec', {}, { cause: error })
      // bytes under a wrong size would be in the way of the right one
      await into.discard()
      await clock.sleep(LOOK_EVERY_MS, signal)
    } finally {
      await into.close()
    }
  }
  return decodeSpec(await store.blobs.get(digest, MAX_SPEC_BYTES))
}

/** @throws CoveyError E_SPEC when examples may be longer than what the base reads */
export function checkContext(
  task: number,
  { training }: TaskSpec,
  { name, config }: Pick<BaseModel, 'name' | 'config'>,
): void {
  if (training.maxTokens <= config.maxPositions) return
  throw new CoveyError(
    'E_SPEC',
    `task ${task} has examples of up to ${training.maxTokens} tokens (training.maxTokens), its base ${name} reads ${config.maxPositions}: it cannot be trained; take part in another`,
    { task },
  )
}
