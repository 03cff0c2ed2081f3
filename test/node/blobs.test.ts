/** Several duties may want the same blob: one of them pulls. */
import { expect } from 'chai'
import type { TaskContext } from '../../node/context.ts'
import { ensureBlob } from '../../node/duties/blobs.ts'
import { Providers } from '../../node/providers.ts'
import { sha256 } from '../../src/base/bytes.ts'
import { CoveyError } from '../../src/base/errors.ts'
import { createMemoryStore } from '../../src/store/memory-store.ts'
import type { PullRequest } from '../../src/types/transport.ts'
import { expectRejects } from '../support/expect-error.ts'
import { FakeClock } from '../support/fake-clock.ts'

const bytes = new Uint8Array(100).fill(7)
const wanted = { digest: sha256(bytes), size: 100, maxBytes: 1_000, of: 'delta', round: 1, account: null } as const

/** A node whose every pull ends as told, after a second. */
function setting(ends: readonly ('well' | 'badly')[]) {
  const clock = new FakeClock()
  let pulls = 0
  const pull = async ({ into, signal }: PullRequest): Promise<void> => {
    const end = ends[pulls++]
    await clock.sleep(1_000, signal)
    if (end !== 'well') throw new CoveyError('E_BLOB_UNAVAILABLE', 'nobody has it')
    await into.append(bytes)
    await into.finish()
  }
  const store = createMemoryStore()
  const parts = {
    clock,
    store,
    transport: { pull },
    pulls: new Map(),
    providers: new Providers(),
    emit: () => undefined,
  }
  return { ctx: parts as unknown as TaskContext, clock, store, pulls: () => pulls }
}
const { signal } = new AbortController()

describe('a blob that several duties want', () => {
  it('is pulled once', async () => {
    const { ctx, clock, store, pulls } = setting(['well'])
    const all = Promise.all(Array.from({ length: 5 }, () => ensureBlob(ctx, wanted, signal)))
    await clock.advance(1_500)
    await all
    expect(pulls()).to.equal(1)
    expect(await store.blobs.has(wanted.digest)).to.equal(true)
    expect(ctx.pulls.size).to.equal(0)
    expect(clock.sleeping).to.equal(0)
  })

  it('is pulled by exactly one of those that waited when the first pull fails', async () => {
    const { ctx, clock, pulls } = setting(['badly', 'well'])
    const first = expectRejects(() => ensureBlob(ctx, wanted, signal), 'E_BLOB_UNAVAILABLE')
    await clock.advance(500)
    const others = Promise.all(Array.from({ length: 4 }, () => ensureBlob(ctx, wanted, signal)))
    await clock.advance(3_000)
    await first
    await others
    expect(pulls()).to.equal(2)
    expect(ctx.pulls.size).to.equal(0)
  })

  it('is waited for no longer than the waiter wants to, and not after it was called off', async () => {
    const { ctx, clock, pulls } = setting(['well'])
    const first = ensureBlob(ctx, wanted, signal)
    await clock.advance(100)
    const hasty = expectRejects(() => ensureBlob(ctx, wanted, signal, 300), 'E_BLOB_UNAVAILABLE')
    const off = new AbortController()
    const cancelled = expectRejects(() => ensureBlob(ctx, wanted, off.signal), 'E_ABORTED')
    await clock.advance(400)
    await hasty
    off.abort()
    await cancelled
    await clock.advance(1_000)
    await first
    expect(pulls()).to.equal(1)
  })
})
