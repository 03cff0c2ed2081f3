/** What every store must do: run against the one on disk and against its twin. */
import { expect } from 'chai'
import fc from 'fast-check'
import { sha256, utf8 } from '../../src/base/bytes.ts'
import type { Store } from '../../src/types/store.ts'
import { codeOf } from '../support/code-of.ts'

/** One place that stores can be opened on, again and again. */
export interface StorePlace {
  open(): Promise<Store>
  /** overwrites the stored bytes of a blob behind the store's back */
  damage(digest: string, bytes: Uint8Array): Promise<void>
  remove(): Promise<void>
}

async function entries<T>(rows: AsyncIterable<readonly [string, T]>): Promise<(readonly [string, T])[]> {
  const out: (readonly [string, T])[] = []
  for await (const row of rows) out.push(row)
  return out
}

const bytes = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17) & 255)

export function storeBehavior(name: string, makePlace: () => Promise<StorePlace>): void {
  describe(`store: ${name}`, () => {
    let place: StorePlace
    let store: Store
    const reopen = async (): Promise<void> => {
      await store.close()
      store = await place.open()
    }
    beforeEach(async () => {
      place = await makePlace()
      store = await place.open()
    })
    afterEach(async () => {
      await store.close()
      await place.remove()
    })

    it('keeps facts, journal and blobs over a restart', async () => {
      await store.facts.put('a', { n: 1, text: 'ä' })
      await store.journal.once('a', () => [1, 2])
      const digest = await store.blobs.put(bytes(1000))
      await reopen()
      expect(await store.facts.get('a')).to.deep.equal({ n: 1, text: 'ä' })
      expect(await store.journal.get('a')).to.deep.equal([1, 2])
      expect(await store.blobs.get(digest, 1000)).to.deep.equal(bytes(1000))
    })

    it('knows nothing of what was never written', async () => {
      expect(await store.facts.get('a')).to.equal(undefined)
      expect(await store.journal.get('a')).to.equal(undefined)
      expect(await store.blobs.has(sha256('x'))).to.equal(false)
      expect(await store.blobs.size(sha256('x'))).to.equal(undefined)
      expect(await codeOf(store.blobs.get(sha256('x'), 10))).to.equal('E_BLOB_UNAVAILABLE')
      expect(await codeOf(store.blobs.read(sha256('x'), 0, 10))).to.equal('E_BLOB_UNAVAILABLE')
    })

    it('changes a batch of facts together, undefined deletes', async () => {
      await store.facts.put('old', 1)
      await store.facts.batch([
        { key: 'old', value: undefined },
        { key: 'x', value: 2 },
        { key: 'y', value: null },
      ])
      expect(await entries(store.facts.list(''))).to.deep.equal([
        ['x', 2],
        ['y', null],
      ])
      await store.facts.delete('x')
      expect(await store.facts.get('x')).to.equal(undefined)
    })

    it('lists any keys by prefix in byte order, facts apart from the journal', async () => {
      await store.journal.once('zz', () => 0)
      const key = fc.string({ unit: 'grapheme', maxLength: 4 })
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(key, { maxLength: 12 }), key, async (keys, prefix) => {
          for (const [k] of await entries(store.facts.list(''))) await store.facts.delete(k)
          await store.facts.batch(keys.map((k, i) => ({ key: k, value: i })))
          const expected = keys
            .map((k, i) => [k, i] as const)
            .filter(([k]) => k.startsWith(prefix))
            .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
          expect(await entries(store.facts.list(prefix))).to.deep.equal(expected)
        }),
        { numRuns: 15, seed: 7 },
      )
      expect(await entries(store.journal.list(''))).to.deep.equal([['zz', 0]])
    })

    it('refuses values and keys that cannot be kept', async () => {
      expect(await codeOf(store.facts.put('a', undefined))).to.equal('E_ARGUMENT')
      expect(await codeOf(store.facts.put('a', 1n))).to.equal('E_ARGUMENT')
      expect(await codeOf(store.facts.put('\ud800', 1))).to.equal('E_ARGUMENT')
      expect(await codeOf(store.facts.put('k'.repeat(2000), 1))).to.equal('E_ARGUMENT')
      expect(await codeOf(store.facts.put('a', 'x'.repeat(17 * 1024 * 1024)))).to.equal('E_TOO_LARGE')
      expect(await codeOf(store.blobs.has('../../etc/passwd'))).to.equal('E_ARGUMENT')
    })

    it('journal: a key is decided once, whoever asks how often', async () => {
      let made = 0
      const ask = (): Promise<number> =>
        store.journal.once('salt', async () => {
          await new Promise((resolve) => setImmediate(resolve))
          return ++made
        })
      expect(await Promise.all(Array.from({ length: 20 }, ask))).to.deep.equal(new Array(20).fill(1))
      await reopen()
      expect(await ask()).to.equal(1)
      expect(made).to.equal(1)
    })

    it('journal: a failed decision records nothing and the next caller decides', async () => {
      const first = store.journal.once('vote', async () => {
        throw new Error('no')
      })
      const second = store.journal.once('vote', () => 'yes')
      expect(await first.catch((e: Error) => e.message)).to.equal('no')
      expect(await second).to.equal('yes')
      expect(await store.journal.once('vote', () => 'other')).to.equal('yes')
    })

    it('journal: the first caller gets what later ones read', async () => {
      const made = await store.journal.once('t', () => ({ a: 1, gone: undefined }))
      expect(made).to.deep.equal({ a: 1 })
      expect(await store.journal.get('t')).to.deep.equal(made)
    })

    it('blobs: reads ranges, lists, deletes, caps', async () => {
      const data = bytes(5000)
      const digest = await store.blobs.put(data)
      expect(digest).to.equal(sha256(data))
      expect(await store.blobs.put(data)).to.equal(digest)
      expect(await store.blobs.size(digest)).to.equal(5000)
      expect(await store.blobs.read(digest, 100, 50)).to.deep.equal(data.slice(100, 150))
      expect(await store.blobs.read(digest, 4990, 50)).to.deep.equal(data.slice(4990))
      expect(await store.blobs.read(digest, 9000, 50)).to.have.length(0)
      expect(await codeOf(store.blobs.read(digest, -1, 50))).to.equal('E_ARGUMENT')
      expect(await codeOf(store.blobs.read(digest, 0, 2 ** 30))).to.equal('E_TOO_LARGE')
      expect(await codeOf(store.blobs.get(digest, 4999))).to.equal('E_TOO_LARGE')
      const listed = []
      for await (const blob of store.blobs.list()) listed.push(blob)
      expect(listed).to.deep.equal([{ digest, size: 5000 }])
      await store.blobs.delete(digest)
      expect(await store.blobs.has(digest)).to.equal(false)
    })

    it('partial: goes on after a restart and becomes a blob', async () => {
      const data = bytes(3000)
      const digest = sha256(data)
      const first = await store.blobs.partial(digest, 3000, 3000)
      expect(first.have).to.equal(0)
      await first.append(data.subarray(0, 1000))
      await first.append(data.subarray(1000, 1500))
      await first.close()
      await reopen()
      const second = await store.blobs.partial(digest, 3000, 3000)
      expect(second.have).to.equal(1500)
      expect(await store.blobs.has(digest)).to.equal(false)
      await second.append(data.subarray(1500))
      await second.finish()
      expect(await store.blobs.get(digest, 3000)).to.deep.equal(data)
      const third = await store.blobs.partial(digest, 3000, 3000)
      expect(third.have).to.equal(3000)
      await third.finish()
      expect(await store.blobs.has(digest)).to.equal(true)
    })

    it('partial: bytes of another digest are thrown away', async () => {
      const digest = sha256(bytes(100))
      const wrong = await store.blobs.partial(digest, 100, 100)
      await wrong.append(bytes(100, 2))
      expect(await codeOf(wrong.finish())).to.equal('E_CORRUPT')
      expect(await store.blobs.has(digest)).to.equal(false)
      const again = await store.blobs.partial(digest, 100, 100)
      expect(again.have).to.equal(0)
      await again.append(bytes(100))
      await again.finish()
      expect(await store.blobs.has(digest)).to.equal(true)
    })

    it('partial: caps, one at a time, discard forgets', async () => {
      const digest = sha256(bytes(100))
      expect(await codeOf(store.blobs.partial(digest, 101, 100))).to.equal('E_TOO_LARGE')
      expect(await codeOf(store.blobs.partial(digest, -1, 100))).to.equal('E_ARGUMENT')
      const one = await store.blobs.partial(digest, 100, 100)
      expect(await codeOf(store.blobs.partial(digest, 100, 100))).to.equal('E_BUSY')
      await one.append(bytes(60))
      expect(await codeOf(one.append(bytes(60)))).to.equal('E_TOO_LARGE')
      expect(await codeOf(one.finish())).to.equal('E_ARGUMENT')
      expect(one.have).to.equal(60)
      await one.discard()
      const two = await store.blobs.partial(digest, 100, 100)
      expect(two.have).to.equal(0)
      await two.close()
      expect(await codeOf(two.append(bytes(10)))).to.equal('E_ABORTED')
    })

    it('damaged bytes are found and never served', async () => {
      const read = await store.blobs.put(bytes(200))
      const served = await store.blobs.put(bytes(200, 3))
      await reopen()
      for (const digest of [read, served]) await place.damage(digest, bytes(200, 9))
      expect(await codeOf(store.blobs.get(read, 200))).to.equal('E_CORRUPT')
      expect(await store.blobs.size(served)).to.equal(undefined)
      expect(await store.blobs.has(read)).to.equal(false)
      await store.blobs.put(bytes(200))
      expect(await store.blobs.get(read, 200)).to.deep.equal(bytes(200))
    })

    it('a second opener is told who has it; a closed store refuses', async () => {
      const error = await place.open().then(
        () => null,
        (e: { code: string; message: string }) => e,
      )
      expect(error?.code).to.equal('E_LOCKED')
      expect(error?.message).to.include(String(process.pid))
      const old = store
      await reopen()
      expect(await codeOf(old.facts.get('a'))).to.equal('E_ABORTED')
      expect(await codeOf(old.blobs.put(utf8.encode('x')))).to.equal('E_ABORTED')
    })
  })
}
